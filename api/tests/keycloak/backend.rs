//! What the backend may do in Keycloak: remove people, and no more.

use crate::keycloak::Keycloak;
use reqwest::{Method, StatusCode};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_manages_users_and_nothing_else() {
    let keycloak = Keycloak::alone().await;
    let person = keycloak.person(&[]).await;
    let path = format!("/users/{}", person.id.0);
    let login = keycloak.login(&person).await;
    let backend = keycloak.backend().await;
    let status = async |token: &str, method: Method, path: &str| {
        let answer = keycloak.request(method, path).bearer_auth(token).send().await;
        answer.unwrap().status()
    };
    for (what, path) in [
        ("the realm", ""),
        ("clients", "/clients"),
        ("keys", "/keys"),
        ("events", "/events"),
        ("identity providers", "/identity-provider/instances"),
    ] {
        let answer = status(&backend, Method::GET, path).await;
        // Of the realm itself it sees the name.
        let own = path.is_empty() && answer == StatusCode::OK;
        assert!(own || answer == StatusCode::FORBIDDEN, "{what}: {answer}");
    }
    assert_eq!(status(&backend, Method::PUT, "").await, StatusCode::FORBIDDEN);
    assert_eq!(
        status(&backend, Method::POST, "/components").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&login.access, Method::DELETE, &path).await,
        StatusCode::FORBIDDEN,
        "not people"
    );

    assert_eq!(status(&backend, Method::DELETE, &path).await, StatusCode::NO_CONTENT);
    let again = keycloak.request(Method::DELETE, &path).bearer_auth(&backend);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND, "twice");
    let said: Value = again.json().await.unwrap();
    // By these words a user who is gone is told from a realm that is not there.
    assert_eq!(said["error"], "User not found");
    assert_eq!(
        keycloak.refresh(&login.refresh).await.0,
        400,
        "and the login is gone with the account"
    );
}
