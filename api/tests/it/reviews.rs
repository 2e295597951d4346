//! What clients say about sessions that took place.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both};
use activities::testing::{
    people::TestSpecialist,
    wait::until,
    world::{Setup, World},
};
use entities::{column::OffsetsMinutes, profile, session, specialist, user};
use futures::future::join_all;
use reqwest::Method;
use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Instant as Moment,
};
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, SessionId, UserId},
    sessions::{contract::workflow_id, state::SessionState},
    time::Instant,
};

/// An app whose sessions have no workflows: these tests write them as their steps would have.
async fn without_a_worker(kind: activities::testing::database::Kind) -> TestApp {
    let setup = Setup::idle();
    TestApp::before(World::with(kind, setup).await).await
}

/// A session of an hour.
async fn stored(
    app: &TestApp,
    specialist: &TestSpecialist,
    client: UserId,
    starts_at: Instant,
    status: SessionState,
) -> SessionId {
    let id = SessionId(Uuid::new_v4());
    let ends_at = starts_at.plus_minutes(60);
    let row = session::Model {
        id,
        workflow_id: workflow_id(id),
        specialist_id: specialist.id,
        client_id: client,
        service_id: specialist.service,
        series_id: None,
        status,
        starts_at,
        ends_at,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        blocks_from: starts_at,
        blocks_until: ends_at,
        seat_group: SeatGroup(id.0),
        seat: 1,
        hold_expires_at: None,
        time_zone: "UTC".to_owned(),
        notes_id: None,
        cancel_reason_id: None,
        meeting_url: None,
        meeting_ref: None,
        meeting_key: None,
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 1,
        event_seq: 0,
        request_hash: String::new(),
        cancel_notice_minutes: 0,
        reschedule_notice_minutes: 0,
        max_reschedules: None,
        reschedules: 0,
        reminder_offsets: OffsetsMinutes(Vec::new()),
        created_at: starts_at,
        updated_at: starts_at,
        closed_at: None,
    };
    let tx = app.database.db.begin_write().await.unwrap();
    session::insert(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// A session of that user that took place and can be reviewed: each one earlier than the last.
pub async fn completed(app: &TestApp, specialist: &TestSpecialist, name: &str) -> SessionId {
    static HOURS: AtomicI64 = AtomicI64::new(0);
    app.user(name).sign_in().await;
    let client = app.id_of(name);
    let starts_at = in_days(-2).plus_minutes(-120 * HOURS.fetch_add(1, Ordering::SeqCst));
    stored(app, specialist, client, starts_at, SessionState::Completed).await
}

fn path(id: impl std::fmt::Display) -> String {
    format!("/api/sessions/{id}/review")
}

async fn post(caller: &Caller<'_>, id: impl std::fmt::Display, body: &Value) -> Answer {
    Answer::of(caller.request(Method::POST, &path(id)).json(body)).await
}

/// The rating, the number of reviews and the number of each rating, as the specialist's resource and the list tell.
async fn told(caller: &Caller<'_>, specialist: &TestSpecialist) -> (Value, Value, Value) {
    let list = caller.get(&format!("/api/reviews/{}", specialist.id)).await.body;
    let view = caller.get(&format!("/api/specialists/{}", specialist.id)).await.body;
    assert_eq!(list["average"], view["rating"]);
    assert_eq!(list["count"], view["review_count"]);
    (
        list["average"].clone(),
        list["count"].clone(),
        list["histogram"].clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_took_place_is_reviewed_by_its_client_once() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, grace, eve) = (app.user("ada"), app.user("grace"), app.user("eve"));
        let login = UserId(app.issuer.subject("grace"));
        let specialist = app.specialist().login(login).create().await;
        let booked = ada.book("k1", &hour(&specialist, in_days(2))).await;
        let (id, session) = (booked.id().to_owned(), booked.session());
        let body = json!({"rating": 4, "text": "Kind and clear.\nThank you; merci 😀"});
        let early = post(&ada, &id, &body).await;
        assert_eq!((early.status, early.error()), (409, "wrong_state"), "{early:?}");

        app.skip(session, None).await;
        app.until_status(session, SessionState::Completed).await;
        let mut root = app.user("root");
        root.token = app.issuer.token("root", &["admin"], 600);
        for (caller, expected) in [
            (&grace, (403, "insufficient_permissions")),
            (&root, (403, "insufficient_permissions")),
            (&eve, (404, "session_not_found")),
        ] {
            let refused = post(caller, &id, &body).await;
            assert_eq!((refused.status, refused.error()), expected, "{refused:?}");
        }
        let nobody = Answer::of(app.request(Method::POST, &path(&id)).json(&body)).await;
        assert_eq!(nobody.status, 401);
        for (wrong, field) in [
            (json!({}), "rating"),
            (json!({"rating": 0}), "rating"),
            (json!({"rating": 6}), "rating"),
            (json!({"rating": 4.5}), "rating"),
            (json!({"rating": "4"}), "rating"),
            (json!({"rating": 4, "text": "x".repeat(4_097)}), "text"),
            (json!({"rating": 4, "text": 7}), "text"),
            (json!({"rating": 4, "stars": 4}), "stars"),
        ] {
            let refused = post(&ada, &id, &wrong).await;
            assert_eq!((refused.status, refused.error()), (422, "invalid_request"), "{wrong}");
            assert_eq!(refused.body["errors"][0]["field"], field, "{refused:?}");
        }
        assert_eq!(told(&ada, &specialist).await.1, 0, "nothing was written so far");

        name(&app, "ada", "Ada Lovelace").await;
        let made = post(&ada, &id, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(
            (&made.body["rating"], &made.body["text"]),
            (&body["rating"], &body["text"])
        );
        assert_eq!(made.body["author"], "Ada", "everybody reads it");
        let again = post(&ada, &id, &json!({"rating": 1})).await;
        assert_eq!((again.status, again.error()), (409, "already_reviewed"), "{again:?}");

        let list = eve.get(&format!("/api/reviews/{}", specialist.id)).await.body;
        assert_eq!(list["items"], json!([made.body]));
        assert_eq!(
            told(&eve, &specialist).await,
            (json!(4.0), json!(1), json!({"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}))
        );
    })
    .await;
}

async fn name(app: &TestApp, user: &str, name: &str) {
    let tx = app.database.db.begin_write().await.unwrap();
    let changes = profile::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    let user = UserId(app.issuer.subject(user));
    profile::change(&tx, user, changes, in_days(0)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_reviewed() {
    use SessionState::{Cancelled, Completed, Confirmed, Expired, Failed, Held, NoShow};
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        ada.sign_in().await;
        let client = UserId(app.issuer.subject("ada"));
        let longest = json!({"rating": 5, "text": "ü".repeat(2_048)});
        for (n, state) in [Held, Confirmed, NoShow, Cancelled, Expired, Failed]
            .into_iter()
            .enumerate()
        {
            let starts_at = in_days(-2).plus_minutes(60 * i64::try_from(n).unwrap());
            let id = stored(&app, &specialist, client, starts_at, state).await;
            let refused = post(&ada, id, &longest).await;
            assert_eq!((refused.status, refused.error()), (409, "wrong_state"), "{refused:?}");
        }
        assert_eq!(told(&ada, &specialist).await.1, 0);
        let id = stored(&app, &specialist, client, in_days(-3), Completed).await;
        let made = post(&ada, id, &longest).await;
        assert_eq!((made.status, &made.body["text"]), (201, &longest["text"]));
        let silent = stored(&app, &specialist, client, in_days(-4), Completed).await;
        assert_eq!(
            post(&ada, silent, &json!({"rating": 1, "text": null})).await.body["text"],
            ""
        );
        let absent = post(&ada, Uuid::new_v4(), &longest).await;
        assert_eq!((absent.status, absent.error()), (404, "session_not_found"));

        let last = stored(&app, &specialist, client, in_days(-5), Completed).await;
        let tx = app.database.db.begin_write().await.unwrap();
        user::mark_deleted(&tx, client, in_days(0)).await.unwrap();
        tx.commit().await.unwrap();
        let gone = post(&ada, last, &longest).await;
        assert_eq!((gone.status, gone.error()), (401, "invalid_token"), "{gone:?}");
        assert_eq!(app.specialist_row(&specialist).await.review_count, 2);
    })
    .await;
}

impl TestApp {
    async fn specialist_row(&self, of: &TestSpecialist) -> specialist::Model {
        let found = specialist::Entity::find_by_id(of.id)
            .one(self.database.db.reader())
            .await;
        found.unwrap().unwrap()
    }
}

/// Post, again while the database of a busy machine does not answer in time; whether that was so is told too.
async fn post_patiently(caller: &Caller<'_>, id: SessionId, body: &Value) -> (Answer, bool) {
    let waited = std::sync::atomic::AtomicBool::new(false);
    let answer = until("an answer other than 503", async || {
        let answer = post(caller, id, body).await;
        if answer.status == 503 {
            waited.store(true, Ordering::Relaxed);
        }
        (answer.status != 503).then_some(answer)
    })
    .await;
    (answer, waited.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_reviews_at_once_are_all_counted() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let specialist = app.specialist().create().await;
        // Ten people, each with four sessions.
        let callers: Vec<_> = (0..10)
            .map(|n| (format!("client-{n}"), app.user(&format!("client-{n}"))))
            .collect();
        let mut reviews = Vec::new();
        for (n, rating) in (0..40).zip([5, 1, 4, 4, 3, 2, 5].into_iter().cycle()) {
            let (name, caller) = &callers[n % 10];
            caller.sign_in().await;
            let client = UserId(app.issuer.subject(name));
            let starts_at = in_days(-3).plus_minutes(60 * i64::try_from(n).unwrap());
            let id = stored(&app, &specialist, client, starts_at, SessionState::Completed).await;
            reviews.push((caller, id, rating));
        }
        let began = Moment::now();
        let answers = join_all(
            reviews
                .iter()
                .map(async |(caller, id, rating)| post_patiently(caller, *id, &json!({"rating": rating})).await),
        );
        for (answer, waited) in answers.await {
            // One that was not answered in time may have been written all the same.
            let written = answer.status == 201 || (waited && answer.error() == "already_reviewed");
            assert!(written, "{answer:?}");
        }
        eprintln!("40 reviews at once in {} ms", began.elapsed().as_millis());

        let ratings: Vec<i64> = reviews.iter().map(|(.., rating)| *rating).collect();
        let n_of = |stars| ratings.iter().filter(|rating| **rating == stars).count();
        let sum: i64 = ratings.iter().sum();
        let row = app.specialist_row(&specialist).await;
        assert_eq!((row.rating_sum, row.review_count), (sum, 40));
        assert_eq!(sum, 137);
        assert_eq!(
            told(&callers[0].1, &specialist).await,
            (
                json!(3.43),
                json!(40),
                json!({"1": n_of(1), "2": n_of(2), "3": n_of(3), "4": n_of(4), "5": n_of(5)})
            )
        );
        let n_audited = entities::audit::Entity::find().count(app.database.db.reader()).await;
        assert_eq!(n_audited.unwrap(), 40);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_reviews_of_one_session_are_one() {
    on_both(async |kind| {
        let app = without_a_worker(kind).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        ada.sign_in().await;
        let client = UserId(app.issuer.subject("ada"));
        let id = stored(&app, &specialist, client, in_days(-2), SessionState::Completed).await;
        let bodies: Vec<_> = (0..10).map(|n| json!({"rating": 1 + n % 5})).collect();
        let answers = join_all(bodies.iter().map(async |body| post_patiently(&ada, id, body).await)).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, _)| answer.status == 201);
        let any_waited = answers.iter().any(|(_, waited)| *waited);
        assert!(made.len() == 1 || (made.is_empty() && any_waited), "{answers:?}");
        for (answer, _) in refused {
            assert_eq!((answer.status, answer.error()), (409, "already_reviewed"), "{answer:?}");
        }
        assert_eq!(told(&ada, &specialist).await.1, 1);
        let row = app.specialist_row(&specialist).await;
        assert_eq!(row.review_count, 1);
        if let [(answer, _)] = made.as_slice() {
            assert_eq!(answer.body["rating"], row.rating_sum);
        }
    })
    .await;
}
