//! Who leaves for good is gone from Keycloak too, also when it was away meanwhile.

use crate::{
    app::{TestApp, hour, in_days},
    keycloak::{Keycloak, PASSWORD, Pkce},
};
use activities::testing::{
    database::Kind,
    wait::until,
    world::{Setup, World},
};
use entities::profile;
use reqwest::{Method, StatusCode};
use workflows::sessions::state::SessionState;

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_gone_from_keycloak() {
    let keycloak = Keycloak::alone().await;
    let setup = Setup {
        identity: Some(keycloak.realm()),
        ..Setup::default()
    };
    let world = World::with(Kind::Postgres, setup).await;
    let app = TestApp::told(world, &[("KEYCLOAK_ISSUER_URI", &keycloak.issuer)]).await;
    let (ada, bob) = (keycloak.person(&[]).await, keycloak.person(&[]).await);
    let tokens = keycloak.login(&ada).await;
    let caller = app.with_token(tokens.access);
    let specialist = app.specialist().create().await;
    let booked = caller.book("k", &hour(&specialist, in_days(3))).await;
    assert_eq!(booked.status, 202, "{booked:?}");

    // Keycloak does not answer when the account is deleted, and the caller need not care.
    let suspended = keycloak.suspend();
    let left = caller.give(Method::DELETE, "/api/user/account", None).await;
    assert_eq!(left.status, 202, "{left:?}");
    let refused = caller.get("/api/sessions").await;
    assert_eq!((refused.status, refused.error()), (401, "invalid_token"), "{refused:?}");
    app.until_status(booked.session(), SessionState::Cancelled).await;
    drop(suspended);

    let found = async |id: workflows::ids::UserId| {
        let user = keycloak.admin(Method::GET, &format!("/users/{}", id.0)).await;
        user.send().await.unwrap().status()
    };
    until("Keycloak has forgotten her", async || {
        (found(ada.id).await == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    assert_eq!(found(bob.id).await, StatusCode::OK, "and nobody else");
    assert_eq!(keycloak.refresh(&tokens.refresh).await.0, 400);
    assert!(keycloak.code(&ada, PASSWORD, &Pkce::new()).await.is_none());
    until("the profile is erased", async || {
        let profile = profile::of(app.database.db.reader(), ada.id).await.unwrap();
        profile.is_none().then_some(())
    })
    .await;
    let again = caller.give(Method::DELETE, "/api/user/account", None).await;
    assert_eq!(
        (again.status, &again.body),
        (202, &left.body),
        "a second time answers the same"
    );
}
