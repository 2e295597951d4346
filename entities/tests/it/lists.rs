//! Finders: who is found, by whom, and page by page.

use crate::support::{
    a_service, a_session, a_specialist, in_a_transaction, insert, on_both, on_monday, somebody,
    somebody_with_a_service, store,
};
use entities::{
    column::Words,
    db::Db,
    service, session, session_text,
    specialist::{self, Sort, WithServices},
};
use sea_orm::ActiveValue::Set;
use std::slice::from_ref;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, TextId},
    sessions::state::SessionState,
};

#[tokio::test]
async fn specialists_are_filtered() {
    on_both(async |db| {
        store_specialists(db).await;
        let found = async |filter| {
            let found = specialist::list(db.reader(), &specialist::Filter { limit: 10, ..filter })
                .await
                .unwrap();
            found.into_iter().map(|one| one.specialist.name).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let any = specialist::Filter::default;
        assert_eq!(found(any()).await, ["Ada", "Barbara", "Grace", "Hedy", "Joan"]);
        assert_eq!(
            found(specialist::Filter {
                specialty: some("sleep"),
                ..any()
            })
            .await,
            ["Ada", "Grace"]
        );
        assert_eq!(
            found(specialist::Filter {
                specialty: some("SLEEP"),
                language: some("de"),
                ..any()
            })
            .await,
            ["Grace"]
        );
        assert_eq!(
            found(specialist::Filter {
                specialty: some("slee"),
                ..any()
            })
            .await,
            [""; 0]
        );
        assert_eq!(
            found(specialist::Filter {
                q: some("rac"),
                ..any()
            })
            .await,
            ["Grace"]
        );
        assert_eq!(
            found(specialist::Filter {
                q: some("FOCUS"),
                ..any()
            })
            .await,
            ["Hedy", "Joan"]
        );
        assert_eq!(
            found(specialist::Filter {
                q: some("100%"),
                ..any()
            })
            .await,
            ["Joan"]
        );
        assert_eq!(found(specialist::Filter { q: some("_"), ..any() }).await, [""; 0]);
        assert_eq!(found(specialist::Filter { q: some("\\"), ..any() }).await, [""; 0]);
        assert_eq!(
            found(specialist::Filter {
                min_rating_score: Some(45_000),
                ..any()
            })
            .await,
            ["Barbara", "Grace"]
        );
        assert_eq!(
            found(specialist::Filter {
                max_price_minor: Some(4_000),
                ..any()
            })
            .await,
            ["Grace", "Hedy"]
        );
        assert_eq!(
            found(specialist::Filter {
                sort: Sort::Rating,
                ..any()
            })
            .await,
            ["Grace", "Barbara", "Ada", "Hedy", "Joan"]
        );
        assert_eq!(
            found(specialist::Filter {
                sort: Sort::Price,
                ..any()
            })
            .await,
            ["Hedy", "Grace", "Ada", "Barbara", "Joan"]
        );
    })
    .await;
}

#[tokio::test]
async fn specialists_are_paged_in_every_order() {
    on_both(async |db| {
        store_specialists(db).await;
        for sort in [Sort::Name, Sort::Rating, Sort::Price] {
            let page = async |after, limit| {
                let filter = specialist::Filter {
                    sort,
                    after,
                    limit,
                    ..Default::default()
                };
                specialist::list(db.reader(), &filter).await.unwrap()
            };
            let whole = page(None, 100).await;
            assert_eq!(whole.len(), 5);
            let (mut seen, mut after) = (Vec::<WithServices>::new(), None);
            loop {
                let next = page(after, 2).await;
                let Some(last) = next.last() else { break };
                after = Some(last.position(sort));
                seen.extend(next);
            }
            assert_eq!(seen, whole, "{sort:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_specialist_comes_with_services_in_their_order() {
    on_both(async |db| {
        let mut ada = a_specialist("Ada");
        ada.user_id = Some(somebody());
        let of = |position, active| service::Model {
            position,
            active,
            ..a_service(ada.id)
        };
        let (first, second, off) = (of(0, true), of(1, true), of(2, false));
        store(db, [ada.clone()]).await;
        assert!(
            specialist::with_services(db.reader(), ada.id)
                .await
                .unwrap()
                .unwrap()
                .services
                .is_empty()
        );
        store(db, [second.clone(), off.clone(), first.clone()]).await;
        let found = specialist::with_services(db.reader(), ada.id).await.unwrap().unwrap();
        assert_eq!(found.services, [first.clone(), second.clone(), off]);
        assert_eq!(found.specialist, ada);
        let listed = specialist::list(
            db.reader(),
            &specialist::Filter {
                limit: 1,
                ..Default::default()
            },
        )
        .await
        .unwrap();
        assert_eq!(listed[0].services, [first, second]);
        let user = ada.user_id.unwrap();
        assert_eq!(specialist::of_user(db.reader(), user).await.unwrap(), Some(ada.clone()));
        assert_eq!(specialist::of_user(db.reader(), somebody()).await.unwrap(), None);

        let changes = specialist::ActiveModel {
            active: Set(false),
            ..Default::default()
        };
        let changed = in_a_transaction(db, async |tx| {
            specialist::change(tx, ada.id, changes, on_monday("10:00")).await
        });
        let changed = changed.await.unwrap().unwrap();
        assert_eq!((changed.active, changed.version, changed.name), (false, 2, ada.name));
        let listed = specialist::list(
            db.reader(),
            &specialist::Filter {
                limit: 1,
                ..Default::default()
            },
        )
        .await
        .unwrap();
        assert_eq!(listed, []);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_seen_by_its_two_people_only() {
    on_both(async |db| {
        let mut ada = a_specialist("Ada");
        let (user, client) = (somebody(), somebody());
        ada.user_id = Some(user);
        let mut grace = a_specialist("Grace");
        let colleague = somebody();
        grace.user_id = Some(colleague);
        let service = a_service(ada.id);
        store(db, [ada, grace]).await;
        store(db, [service.clone()]).await;
        let session = a_session(&service, client, on_monday("09:00"), on_monday("10:00"));
        insert(db, session.clone()).await.unwrap();
        for (who, sees) in [(client, true), (user, true), (colleague, false), (somebody(), false)] {
            let seen = session::visible_to(db.reader(), who, session.id).await.unwrap();
            assert_eq!(seen, sees.then(|| session.clone()));
        }
        assert_eq!(session::by_id(db.reader(), session.id).await.unwrap(), Some(session));
        assert_eq!(
            session::by_id(db.reader(), SessionId(Uuid::new_v4())).await.unwrap(),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn sessions_are_filtered_and_paged() {
    on_both(async |db| {
        let (user, client) = (somebody(), somebody());
        let mut ada = a_specialist("Ada");
        ada.user_id = Some(user);
        let service = a_service(ada.id);
        store(db, [ada]).await;
        store(db, [service.clone()]).await;
        let mut stored = Vec::new();
        for hour in 0..7 {
            let starts_at = on_monday("09:00").plus_minutes(60 * hour);
            let mut session = a_session(&service, client, starts_at, starts_at.plus_minutes(60));
            // Three at one start, of which two were called off.
            if [3, 4].contains(&hour) {
                session.status = SessionState::Cancelled;
                session.starts_at = on_monday("11:00");
                session.blocks_from = session.starts_at;
            }
            insert(db, session.clone()).await.unwrap();
            stored.push(session);
        }
        let other = a_session(&service, somebody(), on_monday("20:00"), on_monday("21:00"));
        insert(db, other.clone()).await.unwrap();
        stored.sort_by_key(|session| (std::cmp::Reverse(session.starts_at), session.id));
        let filter = session::Filter {
            limit: 2,
            ..Default::default()
        };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = session::of_client(
                db.reader(),
                client,
                &session::Filter {
                    after,
                    ..filter.clone()
                },
            )
            .await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.starts_at, last.id));
            seen.extend(page);
        }
        assert_eq!(seen, stored);

        let mut theirs = stored.clone();
        theirs.push(other);
        theirs.sort_by_key(|session| (session.starts_at, session.id));
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = session::of_specialist(
                db.reader(),
                user,
                &session::Filter {
                    after,
                    ..filter.clone()
                },
            )
            .await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.starts_at, last.id));
            seen.extend(page);
        }
        assert_eq!(seen, theirs);

        let count = async |status: &[SessionState], from: Option<&str>, to: Option<&str>| {
            let (status, from, to) = (status.to_vec(), from.map(on_monday), to.map(on_monday));
            let filter = session::Filter {
                status,
                from,
                to,
                limit: 100,
                after: None,
            };
            session::of_client(db.reader(), client, &filter).await.unwrap().len()
        };
        assert_eq!(count(&[], None, None).await, 7);
        assert_eq!(count(&[SessionState::Cancelled], None, None).await, 2);
        assert_eq!(
            count(&[SessionState::Cancelled, SessionState::Confirmed], None, None).await,
            7
        );
        assert_eq!(count(&[], Some("11:00"), Some("14:00")).await, 3);
        assert_eq!(
            count(&[SessionState::Confirmed], Some("11:00"), Some("11:00:00.5")).await,
            1
        );
        assert_eq!(session::of_specialist(db.reader(), client, &filter).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn what_blocks_is_what_meets_the_range() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let client = somebody();
        let mut session = a_session(&service, client, on_monday("09:00"), on_monday("10:00"));
        session.buffer_before_minutes = 30;
        session.blocks_from = on_monday("08:30");
        session.blocks_until = on_monday("08:30").plus_minutes(48 * 60);
        session.status = SessionState::Held;
        session.hold_expires_at = Some(on_monday("08:00"));
        insert(db, session.clone()).await.unwrap();
        let gone = session::Model {
            status: SessionState::Cancelled,
            ..a_session(&service, client, on_monday("09:00"), on_monday("10:00"))
        };
        insert(db, gone).await.unwrap();
        let end = session.blocks_until;
        let blocking = async |from, to| {
            session::blocking(db.reader(), service.specialist_id, from, to)
                .await
                .unwrap()
        };
        let found = blocking(on_monday("08:31"), on_monday("08:32")).await;
        let expected = session::Blocking {
            id: session.id,
            client_id: client,
            service_id: service.id,
            status: SessionState::Held,
            starts_at: session.starts_at,
            ends_at: session.ends_at,
            buffer_before_minutes: 30,
            buffer_after_minutes: 0,
            blocks_from: session.blocks_from,
            blocks_until: end,
            hold_expires_at: session.hold_expires_at,
            seat_group: session.seat_group,
            seat: 1,
        };
        assert_eq!(found, from_ref(&expected));
        assert_eq!(
            blocking(end.plus_minutes(-1), end.plus_minutes(60)).await,
            from_ref(&expected)
        );
        assert_eq!(blocking(end, end.plus_minutes(60)).await, []);
        assert_eq!(blocking(on_monday("08:00"), on_monday("08:30")).await, []);
        assert_eq!(
            blocking(on_monday("08:00"), on_monday("08:30:00.000001")).await,
            from_ref(&expected)
        );

        let of_client = async |from, to| {
            session::blocking_of_client(db.reader(), client, on_monday(from), on_monday(to))
                .await
                .unwrap()
        };
        assert_eq!(of_client("09:59", "11:00").await, [expected]);
        assert_eq!(of_client("10:00", "11:00").await, []);
        assert_eq!(of_client("08:00", "09:00").await, []);
        assert_eq!(
            session::count_holds(db.reader(), client, on_monday("07:59"))
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            session::count_holds(db.reader(), client, on_monday("08:00"))
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            session::count_holds(db.reader(), somebody(), on_monday("07:59"))
                .await
                .unwrap(),
            0
        );
    })
    .await;
}

#[tokio::test]
async fn texts_are_kept() {
    on_both(async |db| {
        let [notes, reason] = [session_text::Kind::Notes, session_text::Kind::Reason].map(|kind| session_text::Model {
            id: TextId(Uuid::now_v7()),
            author_id: somebody(),
            kind,
            text: "It's 7 o'clock — \"früh\" \u{1f600}\n".to_owned(),
            created_at: on_monday("09:00"),
        });
        for text in [&notes, &reason] {
            in_a_transaction(db, async |tx| session_text::insert(tx, text.clone()).await)
                .await
                .unwrap();
        }
        assert_eq!(
            session_text::by_ids(db.reader(), [notes.id]).await.unwrap(),
            from_ref(&notes)
        );
        let mut both = session_text::by_ids(db.reader(), [reason.id, notes.id, TextId(Uuid::nil())])
            .await
            .unwrap();
        both.sort_by_key(|text| text.id);
        assert_eq!(both, [notes, reason]);
        assert_eq!(session_text::by_ids(db.reader(), []).await.unwrap(), []);
    })
    .await;
}

/// Five active ones: Ada and Hedy without a review, Grace best rated, Hedy cheapest, Joan without a service; and one who
/// is not active.
async fn store_specialists(db: &Db) {
    let words = |words: &[&str]| Words(words.iter().map(|&word| word.to_owned()).collect());
    let mut specialists = ["Ada", "Grace", "Hedy", "Barbara", "Joan", "Off"].map(a_specialist);
    let [ada, grace, hedy, barbara, joan, off] = &mut specialists;
    off.active = false;
    grace.languages = words(&["de", "en"]);
    (grace.rating_sum, grace.review_count) = (14, 3);
    (barbara.rating_sum, barbara.review_count) = (9, 2);
    hedy.specialties = words(&["Focus"]);
    barbara.specialties = words(&[]);
    joan.specialties = words(&["Work"]);
    joan.bio = "Focus, 100% of the time.".to_owned();
    ada.title = "Coach".to_owned();
    let priced = |specialist: &specialist::Model, price_minor, active| service::Model {
        price_minor,
        active,
        ..a_service(specialist.id)
    };
    let services = [
        priced(ada, 5_000, true),
        priced(ada, 1_000, false),
        priced(grace, 4_000, true),
        priced(grace, 9_000, true),
        priced(hedy, 3_000, true),
        priced(barbara, 7_000, true),
    ];
    store(db, specialists).await;
    store(db, services).await;
}
