//! The audit trail is only ever added to.

use crate::support::{attempt, in_a_transaction, is_postgres, on_both, on_monday, refused_by, somebody, texts};
use entities::{audit, column::Words};
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
