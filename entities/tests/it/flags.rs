//! Feature flags: the table, and the copy that answers.

use crate::support::{Scratch, attempt, in_a_transaction, on_both, on_monday, refused_by, somebody};
use entities::{
    db::Db,
    feature_flag::{self, Flags, REVIEWS_OPEN, Users},
};
use sea_orm::ActiveValue::Set;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant as Moment},
};

fn flag(name: &str, enabled: bool, percentage: i32) -> feature_flag::Model {
    feature_flag::Model {
        name: name.to_owned(),
        enabled,
        percentage,
        users: Users::default(),
        description: "For tests.".to_owned(),
        version: 1,
        created_at: on_monday("09:00"),
        updated_at: on_monday("09:00"),
    }
}

async fn insert(db: &Db, flag: feature_flag::Model) -> bool {
    in_a_transaction(db, async |tx| feature_flag::insert(tx, flag.clone()).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_flag_is_added_once_and_changed_by_who_has_seen_it() {
    on_both(async |db| {
        assert!(insert(db, flag("new_thing", true, 10)).await);
        assert!(!insert(db, flag("new_thing", false, 90)).await);
        let change = async |version| {
            let changes = feature_flag::ActiveModel {
                percentage: Set(20),
                ..Default::default()
            };
            in_a_transaction(db, async |tx| {
                feature_flag::change(tx, "new_thing", version, changes.clone(), on_monday("10:00")).await
            })
            .await
            .unwrap()
        };
        let changed = change(1).await.unwrap();
        assert_eq!((changed.version, changed.percentage, changed.enabled), (2, 20, true));
        assert_eq!(change(1).await, None);
        assert_eq!(feature_flag::all(db.reader()).await.unwrap(), [changed]);
        let sql = "UPDATE feature_flag SET percentage = 101";
        assert_eq!(attempt(db.writer(), sql).await, refused_by("feature_flag_percentage"));
        for there in [true, false] {
            let deleted = in_a_transaction(db, async |tx| feature_flag::delete(tx, "new_thing").await);
            assert_eq!(deleted.await, Ok(there));
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_follows_and_outlives_its_database() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    let (flags, user, failures) = (Arc::new(Flags::default()), somebody(), Arc::new(AtomicU32::new(0)));
    assert_eq!(flags.age(), None);
    assert!(
        flags.is_on(REVIEWS_OPEN, user),
        "what nobody has set is as the code says"
    );
    let counted = Arc::clone(&failures);
    let own = Db::connect(&scratch.url, &crate::support::options()).await.unwrap();
    flags.follow(own.clone(), Duration::from_millis(20), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    until(|| flags.age().is_some()).await;
    insert(db, flag("reviews_open", false, 100)).await;
    until(|| !flags.is_on(REVIEWS_OPEN, user)).await;
    insert(db, flag("new_thing", true, 100)).await;
    until(|| flags.of_user(user).get("new_thing") == Some(&true)).await;
    assert_eq!(flags.of_user(user).get("reviews_open"), Some(&false));

    own.close().await.unwrap();
    until(|| 2 <= failures.load(Ordering::Relaxed)).await;
    assert!(!flags.is_on(REVIEWS_OPEN, user), "the copy stays");
    let age = flags.age().unwrap();
    until(|| flags.age().unwrap() > age).await;
}

async fn until(condition: impl Fn() -> bool) {
    let began = Moment::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
