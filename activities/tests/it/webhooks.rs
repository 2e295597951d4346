//! An endpoint that is told, without the HTTP layer.

use crate::support::{book, booking, cancel, in_days};
use activities::testing::{
    database::Kind,
    people::client,
    stranger::{Says, Stranger},
    wait::until,
    world::{DERIVE_KEY, Setup, World},
};
use entities::{
    column::{Sealed, Words},
    webhook_delivery, webhook_endpoint,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use settings::{Reach, Sealer};
use url::Url;
use uuid::Uuid;
use workflows::{ids::WebhookId, sessions::contract::Role};

/// A receiver that answers with that, for as long as the test runs: what it is told may come late.
pub async fn receiver(status: u16) -> Url {
    let stranger = Stranger::new(move |_| Says::This(status, Vec::new(), Vec::new())).await;
    let url = stranger.url("/hook");
    tokio::spawn(async move {
        let _kept = stranger;
        std::future::pending::<()>().await;
    });
    url
}

/// An endpoint that is told everything.
pub async fn endpoint(world: &World, url: Url) -> WebhookId {
    let id = WebhookId(Uuid::now_v7());
    let secret = Sealer::new(&DERIVE_KEY.to_owned().into()).seal(id.0, &[7; 32]);
    let row = webhook_endpoint::Model {
        id,
        url: url.into(),
        description: String::new(),
        event_types: Words(Vec::new()),
        notify_email: "owner@receivers.test".to_owned(),
        enabled: true,
        disabled_at: None,
        disabled_reason: None,
        disabled_by: None,
        notified_at: None,
        secret: Sealed(secret),
        previous_secret: None,
        previous_secret_until: None,
        version: 1,
        created_at: in_days(0),
        updated_at: in_days(0),
    };
    let tx = world.database.db.begin_write().await.unwrap();
    webhook_endpoint::insert(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Wait until so many events are told or given up.
pub async fn until_done(world: &World, endpoint: WebhookId, n: usize) {
    until(&format!("{n} events are told or given up"), async || {
        let rows = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::EndpointId.eq(endpoint))
            .all(world.database.db.reader())
            .await
            .unwrap();
        (n <= rows.iter().filter(|row| !row.is_open()).count()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_no_worker_ran_is_told_when_one_does() {
    let setup = Setup {
        reach: Reach::Everywhere,
        ..Default::default()
    };
    let mut world = World::with(Kind::Postgres, setup).await;
    let stranger = Stranger::new(|_| Says::This(200, Vec::new(), Vec::new())).await;
    let endpoint = endpoint(&world, stranger.url("/hook")).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let wanted = booking(user, "a", specialist.id, in_days(3));
    let session = wanted.session;
    book(&world, wanted).await;
    // Whatever of it has been told so far: the worker ends and another one goes on.
    world.stop_worker().await;
    world.start_worker().await;
    cancel(&world, session, Role::Client).await;
    until_done(&world, endpoint, 2).await;
    let told: Vec<_> = stranger
        .asked()
        .iter()
        .map(|asked| String::from_utf8_lossy(&asked.body).into_owned())
        .collect();
    assert!(2 <= told.len() && told[0].contains("session.confirmed"), "{told:?}");
    assert!(told.last().unwrap().contains("session.cancelled"), "{told:?}");
}
