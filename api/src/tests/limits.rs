//! What is too much is refused, and says when to come again.

use super::{bearer, problem, start_with, told};
use poem::http::StatusCode;

#[tokio::test]
async fn a_user_who_asks_too_often_is_told_when_to_come_again() {
    let app = start_with(|mut config| {
        config.rate_limit_user = 3;
        config
    })
    .await;
    let ask = async |user: &str| {
        let token = bearer(&app.issuer, user, &["user"]);
        app.client
            .get("/api/sessions")
            .header("authorization", token)
            .send()
            .await
    };
    for left in [2, 1, 0] {
        let answer = ask("ada").await;
        answer.assert_status_is_ok();
        answer.assert_header("ratelimit-policy", "\"user\";q=3;w=60");
        answer.assert_header("ratelimit", format!("\"user\";r={left};t=60"));
    }
    let refused = ask("ada").await;
    let seconds: u32 = refused.0.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    refused.assert_header("ratelimit", format!("\"user\";r=0;t={seconds}"));
    let (status, code, _) = problem(refused).await;
    assert_eq!((status, code.as_str()), (429, "rate_limited"));
    ask("eve").await.assert_status_is_ok();
}

#[tokio::test]
async fn a_process_that_is_full_says_so_and_is_still_alive() {
    let app = start_with(|mut config| {
        config.max_concurrent_requests = 1;
        config
    })
    .await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let ask = || app.client.get("/api/sessions").header("authorization", &token).send();
    let place = app.state.limits.place("/api/sessions").unwrap();
    let refused = ask().await;
    refused.assert_header("retry-after", "1");
    let (status, code, _) = problem(refused).await;
    assert_eq!((status, code.as_str()), (503, "overloaded"));
    for path in ["/health", "/ready"] {
        app.client.get(path).send().await.assert_status_is_ok();
    }
    drop(place);
    ask().await.assert_status_is_ok();
}

#[tokio::test]
async fn headers_have_an_end() {
    let app = start_with(|config| config).await;
    let long = "x".repeat(33 * 1024);
    let (status, code, _) = problem(app.client.get("/health").header("x-long", &long).send().await).await;
    assert_eq!((status, code.as_str()), (431, "headers_too_large"));
}

#[tokio::test]
async fn what_the_caller_has_says_again_how_long_it_may_be_kept() {
    let app = start_with(|config| config).await;
    let token = bearer(&app.issuer, "ada", &["user"]);
    let ask = |tag: String| {
        let request = app.client.get("/api/specialists").header("authorization", &token);
        request.header("if-none-match", tag).send()
    };
    let first = ask(String::new()).await;
    let tag = first.0.header("etag").unwrap().to_owned();
    assert_eq!(told(first).await.0, 200);
    let again = ask(tag.clone()).await;
    again.assert_status(StatusCode::NOT_MODIFIED);
    again.assert_header("etag", &tag);
    again.assert_header("cache-control", "private, max-age=60");
    assert!(again.0.header("content-type").is_none());
}
