//! The audit trail is only ever added to.

use crate::support::{attempt, in_a_transaction, is_postgres, on_both, on_monday, refused_by, somebody, texts};
use entities::{
    audit::{self, Act, Actor, Filter},
    column::Words,
};
use uuid::Uuid;
use workflows::ids::AuditId;

#[tokio::test]
async fn entries_stay_as_they_were_written() {
    on_both(async |db| {
        let entry = audit::Model {
            id: AuditId(Uuid::now_v7()),
            at: on_monday("09:00"),
            actor_id: Some(somebody()),
            actor_role: "admin".to_owned(),
            action: "schedule.change".to_owned(),
            target_kind: "specialist".to_owned(),
            target_id: Uuid::nil().to_string(),
            fields: Words(vec!["weekly".to_owned()]),
            request_id: None,
        };
        in_a_transaction(db, async |tx| audit::insert(tx, entry.clone()).await)
            .await
            .unwrap();

        let mut attempts = vec!["UPDATE audit SET action = 'nothing'", "DELETE FROM audit"];
        if is_postgres(db) {
            attempts.push("TRUNCATE audit");
            attempts.push("INSERT INTO audit SELECT * FROM audit ON CONFLICT (id) DO UPDATE SET action = 'nothing'");
        } else {
            attempts.push("INSERT OR REPLACE INTO audit SELECT id, at, NULL, '', '', '', '', '[]', NULL FROM audit");
        }
        for sql in attempts {
            assert_eq!(
                attempt(db.writer(), sql).await,
                refused_by("audit_append_only"),
                "{sql}"
            );
        }
        assert_eq!(
            texts(db.reader(), "SELECT action FROM audit").await,
            ["schedule.change"]
        );
    })
    .await;
}

#[tokio::test]
async fn the_trail_is_found_by_who_what_and_when() {
    on_both(async |db| {
        let (ada, dana) = (somebody(), somebody());
        for (n, (actor, action, target)) in [
            (ada, "session.book", "one"),
            (ada, "session.cancel", "one"),
            (dana, "schedule.put", "two"),
            (ada, "session.book", "three"),
        ]
        .into_iter()
        .enumerate()
        {
            let actor = Actor {
                id: Some(actor),
                role: "user",
                request_id: Some(n.to_string()),
            };
            let (target_kind, _) = action.split_once('.').unwrap();
            let act = Act {
                action,
                target_kind,
                target_id: target.to_owned(),
                fields: &["status"],
            };
            let at = on_monday("09:00").plus_minutes(i64::try_from(n).unwrap());
            in_a_transaction(db, async |tx| audit::record(tx, &actor, act.clone(), at).await)
                .await
                .unwrap();
        }
        let found = async |filter: Filter| {
            let rows = audit::page(db.reader(), &Filter { limit: 10, ..filter }).await.unwrap();
            rows.into_iter()
                .map(|row| row.request_id.unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let all = Filter::default();
        assert_eq!(found(all.clone()).await, "3 2 1 0");
        let by = |actor| Filter {
            actor: Some(actor),
            ..Filter::default()
        };
        assert_eq!(found(by(ada)).await, "3 1 0");
        assert_eq!(found(by(dana)).await, "2");
        let of = |kind: &str, id: Option<&str>| Filter {
            target_kind: Some(kind.to_owned()),
            target_id: id.map(str::to_owned),
            ..Filter::default()
        };
        assert_eq!(found(of("session", None)).await, "3 1 0");
        assert_eq!(found(of("session", Some("one"))).await, "1 0");
        let booked = Filter {
            action: Some("session.book".to_owned()),
            ..Filter::default()
        };
        assert_eq!(found(booked).await, "3 0");
        let within = Filter {
            from: Some(on_monday("09:01")),
            to: Some(on_monday("09:03")),
            ..Filter::default()
        };
        assert_eq!(found(within).await, "2 1");
        let first = audit::page(
            db.reader(),
            &Filter {
                limit: 2,
                ..all.clone()
            },
        )
        .await
        .unwrap();
        let behind = Filter {
            after: first.last().map(|row| (row.at, row.id)),
            ..all
        };
        assert_eq!(found(behind).await, "1 0");
    })
    .await;
}
