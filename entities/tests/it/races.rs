//! Many at once: locks that queue, and constraints below them.

use crate::support::{
    Scratch, a_session, in_a_transaction, on_both, on_monday, options, refused_by, somebody, somebody_with_a_service,
};
use entities::{
    db::{Db, Options, lock_both, lock_client, lock_specialist},
    fault::{Fault, SESSION_SPECIALIST_OVERLAP, classify},
    session,
};
use std::time::Duration;
use uuid::Uuid;
use workflows::{
    ids::{SpecialistId, UserId},
    sessions::state::SessionState,
};

#[tokio::test]
async fn one_of_many_wins_a_slot() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let mut racers = Vec::new();
        for _ in 0..16 {
            let (db, service) = (db.clone(), service.clone());
            racers.push(tokio::spawn(async move {
                let session = a_session(&service, somebody(), on_monday("09:00"), on_monday("10:00"));
                in_a_transaction(&db, async |tx| {
                    lock_both(tx, service.specialist_id, session.client_id).await?;
                    session::insert(tx, session.clone()).await
                })
                .await
            }));
        }
        let mut n_won = 0;
        for racer in racers {
            match racer.await.unwrap() {
                Ok(()) => n_won += 1,
                refused => assert_eq!(refused, refused_by(SESSION_SPECIALIST_OVERLAP)),
            }
        }
        assert_eq!(n_won, 1);
    })
    .await;
}

// What a constraint cannot count: each reads before it writes, and sees what the holders before it committed.
#[tokio::test]
async fn a_cap_of_three_admits_three() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let mut racers = Vec::new();
        for hour in 0..12 {
            let (db, service) = (db.clone(), service.clone());
            racers.push(tokio::spawn(async move {
                let starts_at = on_monday("06:00").plus_minutes(60 * hour);
                let session = a_session(&service, somebody(), starts_at, starts_at.plus_minutes(60));
                in_a_transaction(&db, async |tx| {
                    lock_specialist(tx, service.specialist_id).await?;
                    let day = (on_monday("00:00"), on_monday("23:59"));
                    let there = session::blocking(tx, service.specialist_id, day.0, day.1).await?;
                    if there.len() < 3 {
                        session::insert(tx, session.clone()).await
                    } else {
                        Ok(())
                    }
                })
                .await
                .unwrap();
            }));
        }
        for racer in racers {
            racer.await.unwrap();
        }
        let day = session::blocking(
            db.reader(),
            service.specialist_id,
            on_monday("00:00"),
            on_monday("23:59"),
        )
        .await;
        let day = day.unwrap();
        assert_eq!(day.len(), 3);
        assert!(day.iter().all(|session| session.status == SessionState::Confirmed));
    })
    .await;
}

#[tokio::test]
async fn a_lock_is_of_its_kind_and_of_its_transaction() {
    let scratch = Scratch::postgres().await;
    let hasty = Options {
        lock_timeout: Duration::from_millis(100),
        ..options()
    };
    let db = Db::connect(&scratch.url, &hasty).await.unwrap();
    let id = Uuid::new_v4();
    let first = db.begin_write().await.unwrap();
    lock_specialist(&first, SpecialistId(id)).await.unwrap();
    lock_specialist(&first, SpecialistId(id)).await.unwrap();
    // The same id as a client's, and another specialist, are free.
    let second = db.begin_write().await.unwrap();
    lock_client(&second, UserId(id)).await.unwrap();
    lock_specialist(&second, SpecialistId(Uuid::new_v4())).await.unwrap();
    let refused = lock_specialist(&second, SpecialistId(id)).await.unwrap_err();
    assert_eq!(classify(&refused), Fault::Unavailable);
    drop(second);
    first.commit().await.unwrap();
    let third = db.begin_write().await.unwrap();
    lock_specialist(&third, SpecialistId(id)).await.unwrap();
    lock_client(&third, UserId(id)).await.unwrap();
}

#[tokio::test]
async fn a_deadlock_is_to_be_tried_again() {
    let scratch = Scratch::postgres().await;
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()].map(SpecialistId);
    let (first, second) = (
        scratch.db.begin_write().await.unwrap(),
        scratch.db.begin_write().await.unwrap(),
    );
    lock_specialist(&first, one).await.unwrap();
    lock_specialist(&second, other).await.unwrap();
    let first = tokio::spawn(async move { lock_specialist(&first, other).await });
    let second = tokio::spawn(async move { lock_specialist(&second, one).await });
    let results = [first.await.unwrap(), second.await.unwrap()];
    let faults: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .map(classify)
        .collect();
    assert_eq!(faults, [Fault::Serialization]);
}
