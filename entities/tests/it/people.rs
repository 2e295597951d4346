//! Users and their profiles: made once, and never again after a deletion.

use crate::support::{in_a_transaction, on_both, on_monday, somebody};
use entities::{
    column::{LocalDate, OffsetsMinutes},
    profile,
    user::{self, Account},
};
use sea_orm::ActiveValue::Set;

#[tokio::test]
async fn first_sight_makes_user_and_profile_once() {
    on_both(async |db| {
        let user = somebody();
        assert_eq!(user::account(db.reader(), user).await.unwrap(), None);
        assert_eq!(profile::of(db.reader(), user).await.unwrap(), None);
        let mut first = Vec::new();
        for n in 0..6 {
            let db = db.clone();
            first.push(tokio::spawn(async move {
                let email = format!("{n}@example.test");
                in_a_transaction(&db, async |tx| {
                    user::first_sight(tx, user, &email, None, on_monday("09:00")).await
                })
                .await
                .unwrap()
            }));
        }
        let mut accounts = Vec::new();
        for one in first {
            accounts.push(one.await.unwrap());
        }
        assert!(
            accounts.windows(2).all(|two| two[0] == two[1]),
            "one of them made it, the others read it"
        );
        let again = in_a_transaction(db, async |tx| {
            user::first_sight(tx, user, "later@example.test", Some("Later"), on_monday("10:00")).await
        });
        assert_eq!(again.await.unwrap(), accounts[0]);
        let Account::Active(profile) = &accounts[0] else {
            panic!("{accounts:?}")
        };
        assert_eq!(
            (profile.name.as_str(), profile.time_zone.as_str(), profile.version),
            ("", "UTC", 1)
        );
        assert_eq!(profile.reminder_offsets, OffsetsMinutes(vec![1_440, 60]));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_person_is_never_made_again() {
    on_both(async |db| {
        let (user, unseen) = (somebody(), somebody());
        let see = async |user| {
            in_a_transaction(db, async |tx| {
                user::first_sight(tx, user, "a@example.test", Some("Ada"), on_monday("09:00")).await
            })
            .await
            .unwrap()
        };
        assert!(matches!(see(user).await, Account::Active(_)));
        assert!(!user::is_deleted(db.reader(), user).await.unwrap());
        // Also whoever deletes the account before it was ever seen.
        for (user, time) in [(user, "10:00"), (user, "11:00"), (unseen, "10:00")] {
            in_a_transaction(db, async |tx| user::mark_deleted(tx, user, on_monday(time)).await)
                .await
                .unwrap();
        }
        for user in [user, unseen] {
            assert_eq!(see(user).await, Account::Deleted);
            assert_eq!(user::account(db.reader(), user).await.unwrap(), Some(Account::Deleted));
            assert!(user::is_deleted(db.reader(), user).await.unwrap());
            let row = user::find(db.reader(), user).await.unwrap().unwrap();
            assert_eq!(row.deleted_at, Some(on_monday("10:00")), "the first mark stays");
        }
        assert_eq!(profile::of(db.reader(), unseen).await.unwrap(), None);
        assert!(!user::is_deleted(db.reader(), somebody()).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_profile_changes_and_says_so() {
    on_both(async |db| {
        let user = somebody();
        let birth_date = Some(LocalDate("1984-02-29".parse().unwrap()));
        let change = async || {
            let changes = profile::ActiveModel {
                name: Set("Ada".to_owned()),
                birth_date: Set(birth_date),
                reminder_offsets: Set(OffsetsMinutes(vec![30])),
                ..Default::default()
            };
            in_a_transaction(db, async |tx| {
                profile::change(tx, user, changes, on_monday("10:00")).await
            })
            .await
            .unwrap()
        };
        assert_eq!(change().await, None);
        in_a_transaction(db, async |tx| {
            user::first_sight(tx, user, "a@example.test", None, on_monday("09:00")).await
        })
        .await
        .unwrap();
        let changed = change().await.unwrap();
        assert_eq!(
            (changed.version, changed.updated_at, changed.birth_date),
            (2, on_monday("10:00"), birth_date)
        );
        assert_eq!(changed.email, "a@example.test");
        assert_eq!(profile::of(db.reader(), user).await.unwrap(), Some(changed));
    })
    .await;
}

#[tokio::test]
async fn an_address_follows_the_newest_word_about_it() {
    on_both(async |db| {
        let user = somebody();
        in_a_transaction(db, async |tx| {
            user::first_sight(tx, user, "a@example.test", None, on_monday("09:00")).await
        })
        .await
        .unwrap();
        for (email, as_of, changes) in [
            ("old@example.test", "08:00", false),
            ("b@example.test", "10:00", true),
            ("b@example.test", "11:00", false),
            ("a@example.test", "09:30", false),
            ("c@example.test", "11:00", true),
        ] {
            let changed = in_a_transaction(db, async |tx| {
                profile::follow_address(tx, user, email, on_monday(as_of), on_monday("12:00")).await
            });
            assert_eq!(changed.await.unwrap(), changes, "{email} as of {as_of}");
        }
        let profile = profile::of(db.reader(), user).await.unwrap().unwrap();
        assert_eq!((profile.email.as_str(), profile.version), ("c@example.test", 3));
    })
    .await;
}
