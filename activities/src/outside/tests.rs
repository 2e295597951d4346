//! Calls to a server on this machine that is as hostile as it likes.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use super::*;
use crate::testing::stranger::{Says, Stranger};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Mutex,
};

const LIMITS: Limits = Limits {
    total: Duration::from_secs(10),
    bytes: 1_000,
    beyond: Beyond::Fail,
    redirects: 3,
};

/// Names as a test wants them, one list of addresses a question, the last one for good.
struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |addresses: &&[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parsed).collect())))
    }
}

impl Resolve for Scripted {
    fn resolve(&self, _: Name) -> Resolving {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() == 1 {
            answers[0].clone()
        } else {
            answers.remove(0)
        };
        let found: Vec<_> = answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

fn ok(body: &str) -> Says {
    Says::This(200, Vec::new(), body.into())
}

async fn call(outside: &Outside, url: &Url, limits: Limits) -> Result<Answer, OutsideError> {
    outside.call(url, Request::default(), limits).await
}

#[tokio::test]
async fn what_was_asked_is_answered() {
    let stranger = Stranger::new(|_| Says::This(201, vec![("ETag", "\"a\"".to_owned())], b"there".to_vec())).await;
    let outside = Outside::new(stranger.reach()).unwrap();
    let request = Request {
        method: Method::POST,
        headers: HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/calendar"))]),
        body: b"here".to_vec(),
    };
    let answer = outside.call(&stranger.url("/a?b=c"), request, LIMITS).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_slice()),
        (201, b"there".as_slice())
    );
    assert_eq!(answer.headers[header::ETAG], "\"a\"");
    let asked = &stranger.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str(), asked.body.as_slice()),
        ("POST", "/a?b=c", b"here".as_slice())
    );
    assert_eq!(asked.header("accept"), Some("text/calendar"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let stranger = Stranger::new(|_| ok("secret")).await;
    let url = Url::parse(&format!("https://calendar.example.com:{}/a", stranger.address().port())).unwrap();
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "fd00::1",
    ] {
        let outside = Outside::with_names(Reach::Public, Scripted::new(&[&[inside]])).unwrap();
        let refused = call(&outside, &url, LIMITS).await.unwrap_err();
        assert_eq!(refused, OutsideError::Refused(Refused::NotPublic), "{inside}");
    }
    assert_eq!(stranger.asked(), [], "nobody was called");
    let nowhere = Outside::with_names(Reach::Public, Scripted::new(&[&[]])).unwrap();
    assert_eq!(
        call(&nowhere, &url, LIMITS).await.unwrap_err(),
        OutsideError::Unreachable
    );
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_does_not_lead_inside() {
    let stranger = Stranger::new(|_| ok("secret")).await;
    let url = Url::parse(&format!(
        "https://rebinding.example.com:{}/a",
        stranger.address().port()
    ))
    .unwrap();
    // Whatever was answered to others: what is answered to the connection is what counts.
    let names = Scripted::new(&[&["127.0.0.1"], &["127.0.0.1"]]);
    let outside = Outside::with_names(Reach::Public, names).unwrap();
    for _ in 0..2 {
        let refused = call(&outside, &url, LIMITS).await.unwrap_err();
        assert_eq!(refused, OutsideError::Refused(Refused::NotPublic));
    }
    // The other way round: whatever was answered before, each call looks at what it connects to.
    let stranger_ip = stranger.address().ip().to_string();
    let names = Scripted::new(&[&[stranger_ip.as_str()], &["10.0.0.1"]]);
    let eased = Outside::with_names(stranger.reach(), names).unwrap();
    let url = Url::parse(&format!("http://rebinding.example.com:{}/a", stranger.address().port())).unwrap();
    assert_eq!(call(&eased, &url, LIMITS).await.unwrap().body, b"secret");
    let refused = call(&eased, &url, LIMITS).await.unwrap_err();
    assert_eq!(
        refused,
        OutsideError::Refused(Refused::NotPublic),
        "no connection was kept"
    );
    assert_eq!(stranger.asked().len(), 1);
}

#[tokio::test]
async fn of_mixed_addresses_the_public_ones_are_called() {
    let guard = Guard {
        reach: Reach::Public,
        names: Scripted::new(&[&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"]]),
    };
    let found: Vec<_> = guard.resolve("a.example".parse().unwrap()).await.unwrap().collect();
    let ips: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
    assert_eq!(ips, ["8.8.8.8", "2606:4700::1111"]);
}

#[tokio::test]
async fn the_listener_of_a_test_is_reached_on_its_port_alone() {
    let (one, other) = (Stranger::new(|_| ok("one")).await, Stranger::new(|_| ok("other")).await);
    let outside = Outside::with_names(one.reach(), Scripted::new(&[&["127.0.0.1"]])).unwrap();
    let url = |stranger: &Stranger| Url::parse(&format!("https://a.example:{}/a", stranger.address().port())).unwrap();
    // Reached: it speaks no TLS. The other one is not even tried.
    let short = Limits {
        total: Duration::from_millis(300),
        ..LIMITS
    };
    let reached = call(&outside, &url(&one), short).await.unwrap_err();
    assert!(!matches!(reached, OutsideError::Refused(_)), "{reached:?}");
    let refused = call(&outside, &url(&other), LIMITS).await.unwrap_err();
    assert_eq!(refused, OutsideError::Refused(Refused::NotPublic));
}

#[tokio::test]
async fn every_hop_of_a_redirect_is_looked_at() {
    let to = |at: String| Says::This(302, vec![("Location", at)], Vec::new());
    let inside = Stranger::new(|_| ok("secret")).await;
    let secret = inside.url("/secret");
    let stranger = Stranger::new(move |asked| match asked.path.as_str() {
        "/first" => to("second".to_owned()),
        "/second" => to("/third?a=b".to_owned()),
        "/third?a=b" => ok("at last"),
        "/inside" => to(secret.to_string()),
        "/metadata" => to("https://169.254.169.254/latest/meta-data".to_owned()),
        "/file" => to("file:///etc/passwd".to_owned()),
        "/nowhere" => Says::This(302, Vec::new(), Vec::new()),
        _ => to("/round".to_owned()),
    })
    .await;
    let outside = Outside::new(stranger.reach()).unwrap();
    assert_eq!(
        call(&outside, &stranger.url("/first"), LIMITS).await.unwrap().body,
        b"at last"
    );
    let cases = [
        ("/inside", OutsideError::Refused(Refused::NotHttps)),
        ("/metadata", OutsideError::Refused(Refused::NotPublic)),
        ("/file", OutsideError::Refused(Refused::NotHttps)),
        ("/nowhere", OutsideError::Redirects),
        ("/round", OutsideError::Redirects),
    ];
    for (path, expected) in cases {
        assert_eq!(
            call(&outside, &stranger.url(path), LIMITS).await.unwrap_err(),
            expected,
            "{path}"
        );
    }
    let rounds = stranger.asked().iter().filter(|asked| asked.path == "/round").count();
    assert_eq!(rounds, 4, "three redirects are followed");
    assert_eq!(inside.asked(), [], "nobody inside was called");
    let none = Limits { redirects: 0, ..LIMITS };
    assert_eq!(call(&outside, &stranger.url("/first"), none).await.unwrap().status, 302);
    let request = Request {
        method: Method::POST,
        ..Request::default()
    };
    assert_eq!(
        outside
            .call(&stranger.url("/first"), request, LIMITS)
            .await
            .unwrap()
            .status,
        302
    );
}

#[tokio::test]
async fn another_origin_is_not_told_what_the_first_one_was() {
    let stranger = Stranger::new(|asked| match asked.path.as_str() {
        "/a" => Says::This(307, vec![("Location", "/b".to_owned())], Vec::new()),
        "/b" => {
            let at = format!(
                "http://there.example:{}/c",
                asked.header("host").unwrap().rsplit(':').next().unwrap()
            );
            Says::This(307, vec![("Location", at)], Vec::new())
        }
        _ => ok("there"),
    })
    .await;
    let outside = Outside::with_names(stranger.reach(), Scripted::new(&[&["127.0.0.1"]])).unwrap();
    let headers = [
        (header::AUTHORIZATION, HeaderValue::from_static("Bearer secret")),
        (header::IF_NONE_MATCH, HeaderValue::from_static("\"a\"")),
    ];
    let request = Request {
        headers: HeaderMap::from_iter(headers),
        ..Request::default()
    };
    assert_eq!(
        outside.call(&stranger.url("/a"), request, LIMITS).await.unwrap().body,
        b"there"
    );
    let asked = stranger.asked();
    let told: Vec<_> = asked
        .iter()
        .map(|asked| {
            (
                asked.header("authorization").is_some(),
                asked.header("if-none-match").is_some(),
            )
        })
        .collect();
    assert_eq!(told, [(true, true), (true, true), (false, true)]);
}

#[tokio::test]
async fn bytes_and_time_are_bounded() {
    let stranger = Stranger::new(|asked| match asked.path.as_str() {
        "/long" => ok(&"x".repeat(1_001)),
        "/whole" => ok(&"x".repeat(1_000)),
        "/endless" => Says::Endless(vec![b'x'; 64 * 1_024]),
        "/drip" => Says::Drip(b"x".to_vec()),
        "/half" => Says::Half(b"half".to_vec()),
        "/bomb" => Says::This(200, vec![("Content-Encoding", "gzip".to_owned())], vec![0x1f, 0x8b, 8]),
        _ => Says::Nothing,
    })
    .await;
    let outside = Outside::new(stranger.reach()).unwrap();
    assert_eq!(
        call(&outside, &stranger.url("/whole"), LIMITS)
            .await
            .unwrap()
            .body
            .len(),
        1_000
    );
    let short = Limits {
        total: Duration::from_millis(300),
        ..LIMITS
    };
    let cases = [
        ("/long", LIMITS, OutsideError::TooLong),
        ("/endless", LIMITS, OutsideError::TooLong),
        ("/drip", short, OutsideError::TimedOut),
        ("/nothing", short, OutsideError::TimedOut),
        ("/half", LIMITS, OutsideError::Broken),
        ("/bomb", LIMITS, OutsideError::Compressed),
    ];
    for (path, limits, expected) in cases {
        assert_eq!(
            call(&outside, &stranger.url(path), limits).await.unwrap_err(),
            expected,
            "{path}"
        );
    }
    let cut = |bytes| Limits {
        beyond: Beyond::Cut,
        bytes,
        ..LIMITS
    };
    assert_eq!(
        call(&outside, &stranger.url("/endless"), cut(10)).await.unwrap().body,
        b"xxxxxxxxxx"
    );
    assert_eq!(
        call(&outside, &stranger.url("/drip"), cut(0)).await.unwrap().status,
        200
    );
}

#[tokio::test]
async fn errors_do_not_name_the_address() {
    let gone = Stranger::new(|_| Says::Nothing).await;
    let (reach, url) = (gone.reach(), gone.url("/secret-path?token=secret"));
    drop(gone);
    let outside = Outside::new(reach).unwrap();
    let errors = [
        call(&outside, &url, LIMITS).await.unwrap_err(),
        call(&outside, &Url::parse("https://[::1]/secret-path").unwrap(), LIMITS)
            .await
            .unwrap_err(),
    ];
    assert_eq!(
        errors,
        [OutsideError::Unreachable, OutsideError::Refused(Refused::NotPublic)]
    );
    for error in errors {
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
