//! Webhooks as administrators see them, with nobody to tell anything.

use super::{bearer, fields, problem, start, start_with, told};
use entities::{audit, webhook_endpoint};
use poem::http::Method;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};
use settings::Reach;
use uuid::Uuid;

fn wanted() -> Value {
    json!({"url": "https://example.com/hook", "description": "shop", "event_types": ["session.held", "session.confirmed"],
           "notify_email": "owner@receivers.test"})
}

/// Every route, with a body that it takes.
fn routes(id: &str) -> Vec<(Method, String, Option<Value>)> {
    let one = format!("/api/admin/webhooks/{id}");
    vec![
        (Method::GET, "/api/admin/webhooks".to_owned(), None),
        (Method::POST, "/api/admin/webhooks".to_owned(), Some(wanted())),
        (Method::GET, one.clone(), None),
        (Method::PUT, one.clone(), Some(json!({"description": "other"}))),
        (Method::GET, format!("{one}/deliveries"), None),
        (Method::POST, format!("{one}/rotate-secret"), None),
        (Method::POST, format!("{one}/enable"), None),
        (Method::POST, format!("{one}/replay"), None),
        (Method::POST, format!("{one}/test"), None),
        (Method::DELETE, one, None),
    ]
}

#[tokio::test]
async fn administrators_only() {
    let app = start().await;
    let nobody = Uuid::now_v7().to_string();
    for (method, path, body) in routes(&nobody) {
        let request = || {
            let request = app.client.request(method.clone(), &path);
            match &body {
                Some(body) => request.body_json(body),
                None => request,
            }
        };
        assert_eq!(problem(request().send().await).await.0, 401, "{method} {path}");
        for roles in [&["user"][..], &["user", "specialist"][..]] {
            let token = bearer(&app.issuer, "ada", roles);
            let (status, code, _) = problem(request().header("authorization", token).send().await).await;
            assert_eq!(
                (status, code.as_str()),
                (403, "insufficient_permissions"),
                "{method} {path}"
            );
        }
        if path.ends_with("webhooks") {
            continue;
        }
        let token = bearer(&app.issuer, "root", &["admin"]);
        let (status, code, _) = problem(request().header("authorization", token).send().await).await;
        assert_eq!((status, code.as_str()), (404, "webhook_not_found"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_removed_and_its_secrets_are_shown_once() {
    let app = start().await;
    let token = bearer(&app.issuer, "root", &["admin"]);
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let request = app.client.request(method, path).header("authorization", &token);
        let request = match &body {
            Some(body) => request.body_json(body),
            None => request,
        };
        told(request.send().await).await
    };
    let (status, made) = ask(Method::POST, "/api/admin/webhooks", Some(wanted())).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    standardwebhooks::Webhook::new(&secret).unwrap();
    assert!(secret.starts_with("whsec_") && 49 < secret.len(), "32 bytes");
    let view = &made["webhook"];
    assert_eq!(view["event_types"], json!(["session.confirmed", "session.held"]));
    assert_eq!((&view["enabled"], &view["version"]), (&json!(true), &json!(1)));
    let one = format!("/api/admin/webhooks/{}", view["id"].as_str().unwrap());
    assert_eq!(ask(Method::GET, &one, None).await, (200, view.clone()));
    let (_, list) = ask(Method::GET, "/api/admin/webhooks", None).await;
    assert_eq!(list["items"], json!([view]));

    let (_, rotated) = ask(Method::POST, &format!("{one}/rotate-secret"), None).await;
    let other = rotated["secret"].as_str().unwrap();
    assert_ne!(other, secret);
    assert!(rotated["webhook"]["previous_secret_until"].is_string(), "{rotated}");
    let row = webhook_endpoint::Entity::find()
        .one(app.state.db.reader())
        .await
        .unwrap()
        .unwrap();
    let stored = format!("{} {}", row.secret.0, row.previous_secret.clone().unwrap().0);
    for shown in [secret.as_str(), other] {
        assert!(
            !stored.contains(shown.trim_start_matches("whsec_")),
            "secrets are stored sealed"
        );
    }
    assert!(!format!("{row:?}").contains(&row.secret.0));
    assert!(!ask(Method::GET, &one, None).await.1.to_string().contains("whsec"));

    let change = json!({"event_types": [], "enabled": false, "url": "https://example.com/other"});
    let (_, changed) = ask(Method::PUT, &one, Some(change)).await;
    assert_eq!(changed["event_types"], json!([]));
    assert_eq!(
        (&changed["enabled"], &changed["disabled_reason"]),
        (&json!(false), &json!("by_admin"))
    );
    assert_eq!(
        (&changed["description"], &changed["version"]),
        (&json!("shop"), &json!(3))
    );
    let (status, same) = ask(Method::PUT, &one, Some(json!({"description": "shop"}))).await;
    assert_eq!((status, &same["version"]), (200, &json!(3)), "nothing has changed");
    let (status, refused) = ask(Method::POST, &format!("{one}/replay"), None).await;
    assert_eq!((status, &refused["error"]), (409, &json!("webhook_disabled")));
    let (_, enabled) = ask(Method::POST, &format!("{one}/enable"), None).await;
    assert_eq!(
        (&enabled["enabled"], &enabled["disabled_at"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        ask(Method::POST, &format!("{one}/replay"), None).await,
        (200, json!({"events": 0}))
    );

    let (_, test) = ask(Method::POST, &format!("{one}/test"), None).await;
    let (_, deliveries) = ask(Method::GET, &format!("{one}/deliveries"), None).await;
    let told = &deliveries["items"][0];
    assert_eq!(
        (&told["webhook_id"], &told["status"]),
        (&test["webhook_id"], &json!("pending"))
    );
    assert_eq!(told["event_type"], "webhook.ping");
    let (_, failed) = ask(Method::GET, &format!("{one}/deliveries?failed=true"), None).await;
    assert_eq!(failed["items"], json!([]));

    assert_eq!(ask(Method::DELETE, &one, None).await, (204, Value::Null));
    assert_eq!(ask(Method::DELETE, &one, None).await.0, 404);
    let entries = audit::Entity::find()
        .order_by_asc(audit::Column::Id)
        .all(app.state.db.reader())
        .await
        .unwrap();
    let acts: Vec<_> = entries
        .iter()
        .map(|entry| format!("{} {}", entry.action, entry.fields.0.join(",")))
        .collect();
    assert_eq!(
        acts,
        [
            "webhook.create url,description,event_types,notify_email",
            "webhook.rotate_secret secret",
            "webhook.update enabled,url,event_types",
            "webhook.enable enabled",
            "webhook.replay ",
            "webhook.test ",
            "webhook.delete ",
        ]
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor_role == "admin" && entry.request_id.is_some())
    );
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_where_it_is_given() {
    let app = start().await;
    let token = bearer(&app.issuer, "root", &["admin"]);
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.1.2.3/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://redis.internal/hook",
        "https://user:password@example.com/hook",
        "https://example.com:22/hook",
        "ftp://example.com/hook",
        "example.com",
        "",
    ] {
        let mut body = wanted();
        body["url"] = json!(url);
        let request = app.client.post("/api/admin/webhooks").header("authorization", &token);
        let (status, code, body) = problem(request.body_json(&body).send().await).await;
        assert_eq!((status, code.as_str()), (422, "invalid_request"), "{url}: {body}");
        assert_eq!(fields(&body), ["url invalid"], "{url}");
    }
    for (wrong, field) in [
        (json!({}), "url missing"),
        (
            json!({"url": "https://example.com", "event_types": ["session.unheard_of"]}),
            "event_types invalid",
        ),
        (
            json!({"url": "https://example.com", "event_types": "session.held"}),
            "event_types invalid",
        ),
        (
            json!({"url": "https://example.com", "notify_email": "owner"}),
            "notify_email invalid",
        ),
        (
            json!({"url": "https://example.com", "secret": "mine"}),
            "secret unknown",
        ),
        (
            json!({"url": "https://example.com", "description": "x".repeat(501)}),
            "description too_long",
        ),
    ] {
        let request = app.client.post("/api/admin/webhooks").header("authorization", &token);
        let (status, _, body) = problem(request.body_json(&wrong).send().await).await;
        assert_eq!((status, fields(&body)), (422, vec![field.to_owned()]), "{wrong}");
    }
    let app = start_with(|mut config| {
        config.reach = Reach::Everywhere;
        config
    })
    .await;
    let mut body = wanted();
    body["url"] = json!("http://127.0.0.1:8080/hook");
    let token = bearer(&app.issuer, "root", &["admin"]);
    let request = app.client.post("/api/admin/webhooks").header("authorization", &token);
    assert_eq!(
        told(request.body_json(&body).send().await).await.0,
        201,
        "allowed where it is allowed"
    );
}
