//! The published contract is the one that is served.

use super::{start, told};
use crate::openapi;

#[tokio::test]
async fn openapi_json_is_up_to_date() {
    let published = include_str!("../../openapi.json");
    assert!(published.trim_end() == openapi::document(), "run `make openapi`");
    let app = start().await;
    let (status, served) = told(app.client.get("/api/openapi.json").send().await).await;
    assert_eq!(status, 200);
    assert_eq!(served, serde_json::from_str::<serde_json::Value>(published).unwrap());
}

#[tokio::test]
async fn the_documentation_is_a_page() {
    let app = start().await;
    let response = app.client.get("/api/docs").send().await;
    response.assert_status_is_ok();
    response.assert_content_type("text/html; charset=utf-8");
    let policy = response.0.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
}
