//! What is to be told is written down with what happened.

use crate::support::{
    a_session, in_a_transaction, on_both, on_monday, somebody, somebody_with_a_service, store, texts,
};
use entities::{
    column::{Sealed, Words},
    db::Db,
    session, session_event,
    session_event::NewEvent,
    webhook_delivery::{self, KEPT_DAYS, Replay},
    webhook_endpoint::{self, Disabled},
};
use sea_orm::{EntityTrait, QueryOrder};
use std::time::Instant as Moment;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, WebhookId},
    sessions::state::SessionState,
};

fn endpoint(types: &[&str]) -> webhook_endpoint::Model {
    webhook_endpoint::Model {
        id: WebhookId(Uuid::now_v7()),
        url: "https://example.com/hook".to_owned(),
        description: String::new(),
        event_types: Words(types.iter().map(|&kind| kind.to_owned()).collect()),
        notify_email: "owner@example.test".to_owned(),
        enabled: true,
        disabled_at: None,
        disabled_reason: None,
        disabled_by: None,
        notified_at: None,
        secret: Sealed("sealed".to_owned()),
        previous_secret: None,
        previous_secret_until: None,
        version: 1,
        created_at: on_monday("00:00"),
        updated_at: on_monday("00:00"),
    }
}

fn disabled(types: &[&str]) -> webhook_endpoint::Model {
    webhook_endpoint::Model {
        enabled: false,
        disabled_at: Some(on_monday("00:00")),
        disabled_reason: Some(Disabled::Failing),
        ..endpoint(types)
    }
}

fn event(step: &str, status: &str) -> NewEvent {
    NewEvent {
        at: on_monday("09:00"),
        step: step.to_owned(),
        status: status.to_owned(),
        detail: Some("in words".to_owned()),
        key: format!("{step}:{status}"),
    }
}

async fn booked(db: &Db) -> SessionId {
    let service = somebody_with_a_service(db).await;
    let row = a_session(&service, somebody(), on_monday("10:00"), on_monday("11:00"));
    let id = row.id;
    in_a_transaction(db, async |tx| session::insert(tx, row).await)
        .await
        .unwrap();
    id
}

async fn append(db: &Db, id: SessionId, events: Vec<NewEvent>) {
    in_a_transaction(db, async |tx| session_event::append(tx, id, events).await)
        .await
        .unwrap();
}

async fn deliveries(db: &Db, endpoint: WebhookId) -> Vec<(i32, String, bool)> {
    let rows = webhook_delivery::Entity::find()
        .order_by_asc(webhook_delivery::Column::Seq)
        .all(db.reader())
        .await
        .unwrap();
    rows.into_iter()
        .filter(|row| row.endpoint_id == endpoint)
        .map(|row| (row.seq, row.event_type.clone(), row.is_open()))
        .collect()
}

async fn follow_ups(db: &Db) -> Vec<String> {
    texts(db.reader(), "SELECT CAST(work AS text) FROM follow_up ORDER BY id").await
}

#[tokio::test]
async fn each_endpoint_is_told_what_it_wants_of_what_happened() {
    on_both(async |db| {
        let (all, some, off) = (endpoint(&[]), endpoint(&["session.cancelled"]), disabled(&[]));
        let (all_id, some_id, off_id) = (all.id, some.id, off.id);
        store(db, [all, some, off]).await;
        let id = booked(db).await;
        append(
            db,
            id,
            vec![
                event("availability", "done"),
                event("confirmation", "done"),
                event("cancellation", "done"),
            ],
        )
        .await;
        // A repeat finds its events, and tells nobody anything.
        append(db, id, vec![event("cancellation", "done")]).await;
        append(db, id, vec![event("confirmation_mail", "sent")]).await;
        let told = |seq: i32, kind: &str, open| (seq, kind.to_owned(), open);
        let both = |open| vec![told(2, "session.confirmed", open), told(3, "session.cancelled", open)];
        assert_eq!(deliveries(db, all_id).await, both(true));
        assert_eq!(deliveries(db, some_id).await, [told(3, "session.cancelled", true)]);
        assert_eq!(deliveries(db, off_id).await, both(false), "kept to be replayed");
        let works = follow_ups(db).await;
        assert_eq!(works.len(), 1, "{works:?}");
        assert!(
            works[0].contains("session_told") && works[0].contains(&id.to_string()),
            "{works:?}"
        );
        let mut waiting = webhook_delivery::waiting_for(db.reader(), id).await.unwrap();
        waiting.sort();
        let mut wanted = vec![all_id, some_id];
        wanted.sort();
        assert_eq!(waiting, wanted);
        let row = webhook_delivery::next(db.reader(), all_id, id).await.unwrap().unwrap();
        assert_eq!(
            (row.seq, row.session_status, row.starts_at, row.ends_at),
            (
                2,
                Some(SessionState::Confirmed),
                Some(on_monday("10:00")),
                Some(on_monday("11:00"))
            )
        );
    })
    .await;
}

#[tokio::test]
async fn where_nobody_asked_nothing_is_written_and_one_query_is_asked() {
    on_both(async |db| {
        let id = booked(db).await;
        append(db, id, vec![event("confirmation", "done")]).await;
        assert!(follow_ups(db).await.is_empty());
        assert!(
            texts(db.reader(), "SELECT event_type FROM webhook_delivery")
                .await
                .is_empty()
        );
        let began = Moment::now();
        for _ in 0..200 {
            assert!(webhook_endpoint::all(db.reader()).await.unwrap().is_empty());
        }
        eprintln!("asking for endpoints: {:?}", began.elapsed() / 200);
    })
    .await;
}

#[tokio::test]
async fn an_attempt_counts_once() {
    on_both(async |db| {
        let to = endpoint(&[]);
        let endpoint = to.id;
        store(db, [to]).await;
        let id = booked(db).await;
        append(db, id, vec![event("confirmation", "done")]).await;
        let row = webhook_delivery::next(db.reader(), endpoint, id)
            .await
            .unwrap()
            .unwrap();
        for counts in [true, false] {
            let now = on_monday("12:00");
            let counted = in_a_transaction(db, async |tx| {
                webhook_delivery::attempted(tx, &row, Default::default(), now).await
            });
            assert_eq!(counted.await.unwrap().is_some(), counts);
        }
        let row = webhook_delivery::next(db.reader(), endpoint, id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((row.attempts, row.first_attempt_at), (1, Some(on_monday("12:00"))));
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_or_happened_since_is_told_once_more() {
    on_both(async |db| {
        let (to, other) = (disabled(&[]), disabled(&[]));
        let (endpoint, other_id) = (to.id, other.id);
        store(db, [to, other]).await;
        let id = booked(db).await;
        append(
            db,
            id,
            vec![event("confirmation", "done"), event("cancellation", "done")],
        )
        .await;
        let replay = async |what, limit| {
            let now = on_monday("12:00");
            in_a_transaction(db, async |tx| {
                webhook_delivery::replay(tx, endpoint, what, limit, now).await
            })
            .await
            .unwrap()
        };
        assert_eq!(replay(Replay::default(), 1).await, None, "too many");
        let elsewhere = Replay {
            session: Some(SessionId(Uuid::now_v7())),
            since: None,
        };
        assert_eq!(replay(elsewhere, 9).await, Some(0));
        assert_eq!(replay(Replay::default(), 9).await, Some(2));
        assert_eq!(
            replay(Replay::default(), 9).await,
            Some(0),
            "nothing is given up any more"
        );
        assert!(deliveries(db, endpoint).await.iter().all(|(_, _, open)| *open));
        assert!(deliveries(db, other_id).await.iter().all(|(_, _, open)| !open));
        assert_eq!(follow_ups(db).await.len(), 1);

        in_a_transaction(db, async |tx| {
            webhook_delivery::withhold(tx, endpoint, Some(id), on_monday("13:00")).await
        })
        .await
        .unwrap();
        let since = |time| Replay {
            session: None,
            since: Some(on_monday(time)),
        };
        assert_eq!(replay(since("09:01"), 9).await, Some(0));
        assert_eq!(replay(since("09:00"), 9).await, Some(2));
    })
    .await;
}

#[tokio::test]
async fn what_is_done_with_is_forgotten_after_a_month_and_with_its_endpoint() {
    on_both(async |db| {
        let (to, off) = (endpoint(&[]), disabled(&[]));
        let (endpoint, off_id) = (to.id, off.id);
        store(db, [to, off]).await;
        let id = booked(db).await;
        append(db, id, vec![event("confirmation", "done")]).await;
        let day = 24 * 60;
        let at = |days: i64| on_monday("09:01").plus_minutes(days * day);
        assert_eq!(webhook_delivery::sweep(db, at(KEPT_DAYS - 1)).await.unwrap(), 0);
        assert_eq!(webhook_delivery::sweep(db, at(KEPT_DAYS)).await.unwrap(), 1);
        assert_eq!(deliveries(db, endpoint).await.len(), 1, "it is still to be told");
        assert!(deliveries(db, off_id).await.is_empty());
        in_a_transaction(db, async |tx| {
            webhook_delivery::delete(tx, endpoint, on_monday("14:00")).await?;
            webhook_endpoint::delete(tx, endpoint).await
        })
        .await
        .unwrap();
        assert!(webhook_endpoint::by_id(db.reader(), endpoint).await.unwrap().is_none());
        assert!(deliveries(db, endpoint).await.is_empty());
        let works = follow_ups(db).await;
        assert!(
            works.last().unwrap().contains("webhook_changed"),
            "its run ends: {works:?}"
        );
    })
    .await;
}
