//! The outbox over its own ports, as a mailer and a browser see it.

use super::{
    message::{Envelope, Message},
    server::Outbox,
    store::{KEPT, KEPT_BYTES, Store, evict},
};
use std::{collections::HashSet, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(10);
const MAIL: &str = "From: Ada <ada@example.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= to\r\n you\r\n\
                    Message-ID: <1@example.test>\r\n\r\nHello.\r\n";

fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn outbox() -> Outbox {
    Outbox::start(any(), any()).await.unwrap()
}

/// A client that speaks line by line, to say what a mailer would not.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(outbox: &Outbox) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(outbox.smtp_addr()).await.unwrap()));
        assert_eq!(client.answer().await, 220);
        assert_eq!(client.say("EHLO test").await, 250);
        client
    }

    async fn answer(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            tokio::time::timeout(SOON, self.0.read_line(&mut line))
                .await
                .expect("an answer")
                .unwrap();
            if line.get(3..4) != Some("-") {
                return line
                    .get(..3)
                    .and_then(|code| code.parse().ok())
                    .unwrap_or_else(|| panic!("answered {line:?}"));
            }
        }
    }

    async fn say(&mut self, line: &str) -> u16 {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn send(&mut self, to: &[&str], mail: &str) -> u16 {
        assert_eq!(self.say("MAIL FROM:<ada@example.test> BODY=8BITMIME").await, 250);
        for to in to {
            assert_eq!(self.say(&format!("RCPT TO:<{to}>")).await, 250);
        }
        assert_eq!(self.say("DATA").await, 354);
        self.say(&format!("{mail}\r\n.")).await
    }

    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(SOON, self.0.read_to_end(&mut rest))
            .await
            .is_ok_and(|read| rest.is_empty() || read.is_err())
    }
}

async fn send(outbox: &Outbox, to: &str, mail: &str) -> u16 {
    Client::connect(outbox).await.send(&[to], mail).await
}

fn page(outbox: &Outbox, path: &str) -> String {
    format!("http://{}{path}", outbox.page_addr())
}

#[tokio::test]
async fn keeps_what_it_gets() {
    let outbox = outbox().await;
    assert_eq!(
        Client::connect(&outbox)
            .await
            .send(&["bob@example.test", "Eve@example.test"], MAIL)
            .await,
        250
    );
    let [message] = outbox.messages(None).try_into().expect("one mail");
    assert_eq!(message.from, "ada@example.test");
    assert_eq!(message.to, ["bob@example.test", "Eve@example.test"]);
    assert_eq!(message.subject.as_deref(), Some("Grüße to you"));
    assert_eq!(message.message_id.as_deref(), Some("<1@example.test>"));
    assert_eq!(message.header("from"), Some("Ada <ada@example.test>"));
    assert_eq!(message.text.as_deref().map(str::trim_end), Some("Hello."));
    assert_eq!(message.html, None);
    assert!(message.raw.starts_with(MAIL), "{}", message.raw);
    assert_eq!(outbox.messages(Some("eve@EXAMPLE.test")).len(), 1);
    assert_eq!(outbox.messages(Some("carl@example.test")), []);
    outbox.clear();
    assert_eq!(outbox.messages(None), []);
}

#[tokio::test]
async fn takes_a_hundred_mails_at_once() {
    let outbox = std::sync::Arc::new(outbox().await);
    let clients: Vec<_> = (0..100)
        .map(|n| {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                // All connections are open before the first mail: none may wait for another to close.
                let mut client = Client::connect(&outbox).await;
                assert_eq!(client.send(&[&format!("{n}@example.test")], MAIL).await, 250);
                client
            })
        })
        .collect();
    let all = outbox
        .wait_for(SOON, |kept| (kept.len() == 100).then(|| kept.to_vec()))
        .await
        .expect("all of them");
    assert_eq!(all.iter().map(|message| &message.to).collect::<HashSet<_>>().len(), 100);
    assert!(all.is_sorted_by_key(|message| message.id));
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn dots_and_long_lines_survive() {
    let outbox = outbox().await;
    let long = "x".repeat(10_000);
    assert_eq!(
        send(
            &outbox,
            "bob@example.test",
            &format!("Subject: dots\r\n\r\n..\r\n...a\r\n{long}\r\n..")
        )
        .await,
        250
    );
    let text = outbox.messages(None).remove(0).text.unwrap();
    assert_eq!(text.trim_end(), format!(".\r\n..a\r\n{long}\r\n."));
}

#[tokio::test]
async fn refuses_on_request_and_goes_on() {
    let outbox = outbox().await;
    let mut client = Client::connect(&outbox).await;
    outbox.fail(451, 2);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 451);
    // What follows a refusal is a command again.
    assert_eq!(client.say("RSET").await, 250);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 451);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 250);

    outbox.fail_to("Eve@example.test", 550, 1);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 250);
    assert_eq!(client.send(&["eve@example.test"], MAIL).await, 550);
    assert_eq!(client.send(&["eve@example.test"], MAIL).await, 250);

    outbox.fail(500, 7);
    outbox.fail(500, 0);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 250);
    outbox.fail(421, 1);
    assert_eq!(client.send(&["bob@example.test"], MAIL).await, 421);
    assert!(client.is_closed().await);
    assert_eq!(outbox.messages(None).len(), 4);
}

#[tokio::test]
async fn refuses_what_is_too_long() {
    let outbox = outbox().await;
    let mut client = Client::connect(&outbox).await;
    assert_eq!(client.say("MAIL FROM:<a@example.test> SIZE=10485761").await, 552);
    let line = format!("{}\r\n", "x".repeat(998));
    assert_eq!(client.send(&["bob@example.test"], &line.repeat(10_600)).await, 552);
    assert_eq!(client.send(&["bob@example.test"], &line.repeat(10_000)).await, 250);
    assert_eq!(outbox.messages(None).len(), 1);
    assert_eq!(client.say(&"x".repeat(5_000)).await, 500);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn commands_have_an_order() {
    let outbox = outbox().await;
    let mut client = Client(BufReader::new(TcpStream::connect(outbox.smtp_addr()).await.unwrap()));
    assert_eq!(client.answer().await, 220);
    for (line, code) in [
        ("MAIL FROM:<a@example.test>", 503),
        ("helo test", 250),
        ("RCPT TO:<b@example.test>", 503),
        ("DATA", 503),
        ("MAIL FROM:a@example.test", 501),
        ("MAIL TO:<a@example.test>", 501),
        ("mail from:<>", 250),
        ("MAIL FROM:<a@example.test>", 503),
        ("RCPT TO:<>", 501),
        ("DATA", 503),
        ("RCPT TO:<\"a>b\"@example.test> NOTIFY=NEVER", 250),
        ("NOOP", 250),
        ("VRFY a", 252),
        ("STARTTLS", 502),
        ("", 502),
        ("DATA", 354),
        ("Subject: x\r\n.", 250),
        ("QUIT", 221),
    ] {
        assert_eq!(client.say(line).await, code, "{line}");
    }
    assert!(client.is_closed().await);
    let [message] = outbox.messages(None).try_into().expect("one mail");
    assert_eq!(
        (message.from.as_str(), message.to.as_slice()),
        ("", ["\"a>b\"@example.test".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn takes_commands_in_one_piece() {
    let outbox = outbox().await;
    let mut client = Client::connect(&outbox).await;
    let all = "MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n";
    client.0.write_all(all.as_bytes()).await.unwrap();
    for code in [250, 250, 354, 250, 221] {
        assert_eq!(client.answer().await, code);
    }
    assert_eq!(outbox.messages(None).len(), 1);
}

#[tokio::test]
async fn a_mail_that_breaks_off_is_not_kept() {
    let outbox = outbox().await;
    let mut client = Client::connect(&outbox).await;
    assert_eq!(client.say("MAIL FROM:<a@example.test>").await, 250);
    assert_eq!(client.say("RCPT TO:<b@example.test>").await, 250);
    assert_eq!(client.say("DATA").await, 354);
    client.0.write_all(b"Subject: half a mail\r\n").await.unwrap();
    client.0.shutdown().await.unwrap();
    assert!(client.is_closed().await);
    assert_eq!(outbox.messages(None), []);
}

#[tokio::test]
async fn a_folder_outlives_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("outbox");
    let outbox = Outbox::start_in(&folder, any(), any()).await.unwrap();
    assert_eq!(send(&outbox, "bob@example.test", MAIL).await, 250);
    assert_eq!(send(&outbox, "eve@example.test", "Subject: second\r\n\r\nx").await, 250);
    let before = outbox.messages(None);
    outbox.stop().await;
    std::fs::write(folder.join("note.txt"), "not a mail").unwrap();

    let outbox = Outbox::start_in(&folder, any(), any()).await.unwrap();
    assert_eq!(outbox.messages(None), before);
    outbox.clear();
    outbox.stop().await;
    let left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["note.txt"]);
}

#[test]
fn only_the_latest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut ids: Vec<Uuid> = (0..=KEPT).map(|_| Uuid::now_v7()).collect();
    for id in &ids {
        std::fs::write(
            folder.path().join(format!("{id}.eml")),
            "X-Outbox-To: bob@example.test\r\n\r\n",
        )
        .unwrap();
    }
    let store = Store::open(Some(folder.path())).unwrap();
    ids.remove(0);
    store.with(|kept| assert!(kept.iter().map(|message| message.id).eq(ids.iter().copied())));
    store.keep(Envelope::default(), b"Subject: the last\r\n\r\n").unwrap();
    ids.remove(0);
    store.with(|kept| {
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].id, ids[0]);
        assert_eq!(kept[KEPT - 1].subject.as_deref(), Some("the last"));
    });
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), KEPT);

    let mut long = Message::parse(Uuid::now_v7(), Envelope::default(), b"");
    long.raw = "x".repeat(KEPT_BYTES / 4 + 1);
    let mut kept = vec![long.clone(), long.clone(), long.clone(), long.clone()];
    evict(&mut kept, None);
    assert_eq!(kept.len(), 3);
    long.raw = "x".repeat(KEPT_BYTES + 1);
    kept.push(long.clone());
    evict(&mut kept, None);
    assert_eq!(kept, [long], "the newest stays");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let outbox = outbox().await;
    let error = Outbox::start(outbox.smtp_addr(), any())
        .await
        .err()
        .expect("the port is taken");
    assert!(
        format!("{error:#}").contains(&outbox.smtp_addr().to_string()),
        "{error:#}"
    );
    let error = Outbox::start(any(), outbox.page_addr())
        .await
        .err()
        .expect("the port is taken");
    assert!(
        format!("{error:#}").contains(&outbox.page_addr().to_string()),
        "{error:#}"
    );
}

#[tokio::test]
async fn stop_closes_connections_and_frees_ports() {
    let outbox = outbox().await;
    let (smtp, page_addr) = (outbox.smtp_addr(), outbox.page_addr());
    let mut idle = Client::connect(&outbox).await;
    // This keeps an HTTP connection open as well.
    let browser = reqwest::Client::new();
    browser.get(page(&outbox, "/health")).send().await.unwrap();
    tokio::time::timeout(SOON, outbox.stop()).await.expect("an end");
    assert!(idle.is_closed().await);
    let again = Outbox::start(smtp, page_addr).await.unwrap();
    drop(again);
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let outbox = outbox().await;
    let mut client = Client::connect(&outbox).await;
    drop(outbox);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn waits_for_what_comes_later() {
    let outbox = outbox().await;
    assert_eq!(
        outbox
            .wait_for(Duration::from_millis(20), |kept| kept.first().cloned())
            .await,
        None
    );
    let (found, code) = tokio::join!(
        outbox.wait_for(SOON, |kept| kept
            .iter()
            .find(|message| message.is_to("bob@example.test"))
            .cloned()),
        async {
            assert_eq!(send(&outbox, "eve@example.test", MAIL).await, 250);
            send(&outbox, "bob@example.test", MAIL).await
        },
    );
    assert_eq!(
        (found.map(|message| message.to), code),
        (Some(vec!["bob@example.test".to_owned()]), 250)
    );
}

#[tokio::test]
async fn speaks_json() {
    let outbox = outbox().await;
    send(&outbox, "bob@example.test", MAIL).await;
    send(&outbox, "eve@example.test", MAIL).await;
    let browser = reqwest::Client::new();
    let health: serde_json::Value = browser
        .get(page(&outbox, "/health"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health, serde_json::json!({ "ok": true, "messages": 2 }));

    let all: Vec<Message> = browser
        .get(page(&outbox, "/messages"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(all, outbox.messages(None));
    let some = browser
        .get(page(&outbox, "/messages?to=eve@example.test"))
        .send()
        .await
        .unwrap();
    let some: serde_json::Value = some.json().await.unwrap();
    let some = some.as_array().unwrap();
    assert_eq!(some.len(), 1);
    let names: HashSet<&str> = some[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "id",
        "received_at",
        "from",
        "to",
        "subject",
        "message_id",
        "headers",
        "text",
        "html",
        "attachments",
        "raw",
    ];
    assert_eq!(names, HashSet::from(expected));

    let fail = |body: &str| {
        let request = browser
            .post(page(&outbox, "/fail"))
            .header("content-type", "application/json");
        request.body(body.to_owned()).send()
    };
    assert_eq!(fail(r#"{"code":451,"count":2}"#).await.unwrap().status(), 200);
    assert_eq!(send(&outbox, "bob@example.test", MAIL).await, 451);
    for bad in [
        r#"{"code":250,"count":2}"#,
        r#"{"code":451}"#,
        r#"{"code":451,"count":1,"cuont":2}"#,
        "{",
    ] {
        assert_eq!(fail(bad).await.unwrap().status(), 400, "{bad}");
    }

    assert_eq!(
        browser
            .delete(page(&outbox, "/messages"))
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(outbox.messages(None), []);
}

#[tokio::test]
async fn shows_mails_without_running_them() {
    let outbox = outbox().await;
    let mail = "Subject: <script>alert(1)</script>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                --b\r\nContent-Type: text/html\r\n\r\n<p onclick=x>Hi</p>\r\n\
                --b\r\nContent-Type: text/plain\r\n\r\n</pre><b>Hi</b>\r\n\
                --b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n\
                --b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n/w==\r\n--b--";
    send(&outbox, "bob@example.test", mail).await;
    send(&outbox, "bob@example.test", "just a line").await;
    let [message, bare] = outbox.messages(None).try_into().expect("two mails");
    assert_eq!(bare.raw.trim_end(), "just a line");
    assert_eq!(message.html.as_deref().map(str::trim_end), Some("<p onclick=x>Hi</p>"));
    let parts: Vec<_> = message
        .attachments
        .iter()
        .map(|it| (it.content_type.as_str(), it.method.as_deref()))
        .collect();
    assert_eq!(parts, [("text/calendar", Some("REQUEST")), ("application/pdf", None)]);
    assert_eq!(message.attachments[1].text, None);

    let browser = reqwest::Client::new();
    let mut pages = Vec::new();
    for path in [
        "/".to_owned(),
        "/?to=bob@example.test".to_owned(),
        format!("/mails/{}", message.id),
    ] {
        let answer = browser.get(page(&outbox, &path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("script-src"),
            "{policy}"
        );
        let text = answer.text().await.unwrap();
        assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"), "{text}");
        pages.push(text);
    }
    assert!(
        pages[0].find("(no subject)") < pages[0].find("&lt;script&gt;"),
        "newest first"
    );
    assert!(!pages[2].contains("<b>Hi</b>") && pages[2].contains("sandbox="));

    let frame = browser
        .get(page(&outbox, &format!("/mails/{}/html", message.id)))
        .send()
        .await
        .unwrap();
    assert!(
        frame.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    assert!(frame.text().await.unwrap().contains("<p onclick=x>Hi</p>"));
    let raw = browser
        .get(page(&outbox, &format!("/mails/{}/raw", message.id)))
        .send()
        .await
        .unwrap();
    assert_eq!(raw.headers()["content-type"], "text/plain; charset=utf-8");
    for gone in ["/mails/none", &format!("/mails/{}", Uuid::nil())] {
        assert_eq!(browser.get(page(&outbox, gone)).send().await.unwrap().status(), 404);
    }
}

#[test]
fn any_bytes_can_be_read() {
    let envelope = || Envelope {
        from: String::new(),
        to: vec!["bob@example.test".to_owned()],
    };
    for raw in [
        &b""[..],
        b"\r\n",
        b"\xff\xfe\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--",
        b":\r\n",
    ] {
        let message = Message::parse(Uuid::now_v7(), envelope(), raw);
        assert_eq!(message.raw, String::from_utf8_lossy(raw));
    }
}
