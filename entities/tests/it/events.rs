//! The timeline: numbers that never collide, each event once.

use crate::support::{a_session, in_a_transaction, insert, on_both, on_monday, somebody, somebody_with_a_service};
use entities::{
    db::Db,
    fault::Fault,
    session,
    session_event::{self, NewEvent},
};
use sea_orm::ActiveValue::Set;
use uuid::Uuid;
use workflows::{ids::SessionId, sessions::state::SessionState};

#[tokio::test]
async fn numbers_rise_under_concurrency() {
    on_both(async |db| {
        let session = a_stored_session(db).await;
        let mut writers = Vec::new();
        for writer in 0..8 {
            let db = db.clone();
            writers.push(tokio::spawn(async move {
                for turn in 0..10 {
                    let event = event(&format!("{writer}-{turn}"));
                    in_a_transaction(&db, async |tx| {
                        session_event::append(tx, session, vec![event.clone()]).await
                    })
                    .await
                    .unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let events = session_event::of_session(db.reader(), session, 0).await.unwrap();
        assert_eq!(
            events.iter().map(|event| event.seq).collect::<Vec<_>>(),
            (1..=80).collect::<Vec<_>>()
        );
        let row = session::by_id(db.reader(), session).await.unwrap().unwrap();
        assert_eq!((row.event_seq, row.version), (80, 1), "an event is no new version");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_step_appends_nothing() {
    on_both(async |db| {
        let session = a_stored_session(db).await;
        let append = async |keys: &[&str]| {
            let events = keys.iter().map(|key| event(key)).collect();
            in_a_transaction(db, async |tx| session_event::append(tx, session, events).await)
                .await
                .unwrap()
        };
        assert_eq!(append(&["reserve", "link"]).await, 2);
        append(&["reserve", "link"]).await;
        append(&["reserve", "link", "mail"]).await;
        append(&[]).await;
        let events = session_event::of_session(db.reader(), session, 0).await.unwrap();
        assert_eq!(
            events.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(),
            ["reserve", "link", "mail"]
        );
        assert!(events.is_sorted_by(|one, next| one.seq < next.seq));
        let behind = session_event::of_session(db.reader(), session, events[1].seq)
            .await
            .unwrap();
        assert_eq!(behind, events[2..]);
    })
    .await;
}

#[tokio::test]
async fn a_change_and_its_events_share_one_statement() {
    on_both(async |db| {
        let session = a_stored_session(db).await;
        let changed = in_a_transaction(db, async |tx| {
            let changes = session::ActiveModel {
                status: Set(SessionState::Cancelled),
                ..Default::default()
            };
            let row = session::change(tx, session, changes, 2, on_monday("08:00")).await?;
            session_event::insert(tx, session, row.event_seq - 2, vec![event("cancel"), event("meeting")]).await?;
            Ok(row)
        })
        .await
        .unwrap();
        assert_eq!(
            (changed.status, changed.version, changed.event_seq),
            (SessionState::Cancelled, 2, 2)
        );
        assert_eq!(changed.updated_at, on_monday("08:00"));
        let events = session_event::of_session(db.reader(), session, 0).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_behind_the_last_number_misses_nothing_while_others_write_and_roll_back() {
    on_both(async |db| {
        let session = a_stored_session(db).await;
        let mut writers = Vec::new();
        for writer in 0..6 {
            let db = db.clone();
            writers.push(tokio::spawn(async move {
                for turn in 0..15 {
                    let new = vec![event(&format!("{writer}-{turn}")), event(&format!("{writer}-{turn}b"))];
                    if turn % 3 == 0 {
                        let tx = db.begin_write().await.unwrap();
                        session_event::append(&tx, session, new.clone()).await.unwrap();
                        tx.rollback().await.unwrap();
                    }
                    in_a_transaction(&db, async |tx| session_event::append(tx, session, new.clone()).await)
                        .await
                        .unwrap();
                }
            }));
        }
        let mut seen = Vec::new();
        let (mut after, mut reads) = (0, 0);
        while seen.len() < 6 * 15 * 2 {
            let (row, events) = session_event::since(db.reader(), session, after)
                .await
                .unwrap()
                .unwrap();
            after = events.last().map_or(after, |event| event.seq);
            assert_eq!(after, row.event_seq, "the row is as old as its last event");
            reads += usize::from(!events.is_empty());
            seen.extend(events);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(2 < reads, "it was read while it was written");
        assert_eq!(seen, session_event::of_session(db.reader(), session, 0).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn pulses_tell_which_sessions_have_changed() {
    on_both(async |db| {
        let mut sessions = Vec::new();
        for _ in 0..3 {
            sessions.push(a_stored_session(db).await);
        }
        let pulses = async |ids: &[SessionId]| {
            let mut pulses = session::pulses(db.reader(), ids).await.unwrap();
            pulses.sort_by_key(|pulse| ids.iter().position(|id| *id == pulse.id));
            pulses
                .iter()
                .map(|pulse| (pulse.event_seq, pulse.version))
                .collect::<Vec<_>>()
        };
        assert_eq!(pulses(&sessions).await, [(0, 1), (0, 1), (0, 1)]);
        in_a_transaction(db, async |tx| {
            session_event::append(tx, sessions[1], vec![event("a"), event("b")]).await?;
            session::change(tx, sessions[2], session::ActiveModel::default(), 0, on_monday("08:00")).await
        })
        .await
        .unwrap();
        assert_eq!(pulses(&sessions).await, [(0, 1), (2, 1), (0, 2)]);
        assert_eq!(pulses(&[]).await, []);
        // More than one statement takes, most of them nobody's.
        let mut many: Vec<_> = (0..20_000).map(|_| SessionId(Uuid::new_v4())).collect();
        many.extend(&sessions);
        assert_eq!(pulses(&many).await, [(0, 1), (2, 1), (0, 2)]);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_events_is_there_and_one_that_is_not_is_not() {
    on_both(async |db| {
        let session = a_stored_session(db).await;
        let (row, events) = session_event::since(db.reader(), session, 0).await.unwrap().unwrap();
        assert_eq!((row.id, events.len()), (session, 0));
        let nobody = SessionId(Uuid::new_v4());
        assert_eq!(session_event::since(db.reader(), nobody, 0).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_does_not_exist_has_no_events() {
    on_both(async |db| {
        let nobody = SessionId(Uuid::new_v4());
        let appended = in_a_transaction(db, async |tx| {
            session_event::append(tx, nobody, vec![event("reserve")]).await
        })
        .await;
        assert_eq!(appended, Err(Fault::Other));
        let changed = in_a_transaction(db, async |tx| {
            session::change(tx, nobody, session::ActiveModel::default(), 0, on_monday("08:00")).await
        })
        .await;
        assert_eq!(changed.map(drop), Err(Fault::Other));
    })
    .await;
}

async fn a_stored_session(db: &Db) -> SessionId {
    let service = somebody_with_a_service(db).await;
    let session = a_session(&service, somebody(), on_monday("09:00"), on_monday("10:00"));
    insert(db, session.clone()).await.unwrap();
    session.id
}

fn event(key: &str) -> NewEvent {
    NewEvent {
        at: on_monday("07:00"),
        step: "reserve".to_owned(),
        status: "done".to_owned(),
        detail: None,
        key: key.to_owned(),
    }
}
