//! What is known of each statement once it has ended: how long it took, and what it is called.

use sea_orm::metric::Info;
use std::time::Duration;
use telemetry::{metrics, trace};

/// How much of a slow statement's text is logged; placeholders stand for its values.
const SHOWN: usize = 2_000;

/// Count a statement, trace it, and log it when it took longer than `slow`.
pub(super) fn ended(info: &Info<'_>, slow: Duration) {
    let sql = info.statement.sql.as_str();
    let (name, operation) = name(sql);
    let is_slow = slow < info.elapsed;
    metrics::statement(operation, info.elapsed, is_slow);
    trace::statement(&name, info.elapsed, info.failed);
    if is_slow {
        let duration_ms = u64::try_from(info.elapsed.as_millis()).unwrap_or(u64::MAX);
        let statement: String = sql.chars().take(SHOWN).collect();
        // Never `info.statement` itself: it holds the values.
        tracing::warn!(
            query = name,
            duration_ms,
            statement,
            failed = info.failed,
            "slow query: {name} took {duration_ms} ms"
        );
    }
}

/// What a statement is called, `select session`, and its first word.
fn name(sql: &str) -> (String, &'static str) {
    let mut words = sql
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | '"' | '.'))
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let known = ["select", "insert", "update", "delete", "with"];
    let found = known.into_iter().find(|known| first.eq_ignore_ascii_case(known));
    let Some(operation) = found else {
        return ("other statement".to_owned(), "other");
    };
    let table = if operation == "update" {
        words.next()
    } else {
        words
            .skip_while(|word| !word.eq_ignore_ascii_case("from") && !word.eq_ignore_ascii_case("into"))
            .nth(1)
    };
    match table {
        Some(table) => (format!("{operation} {table}"), operation),
        None if sql.contains("pg_advisory_xact_lock") => ("lock".to_owned(), operation),
        None => (operation.to_owned(), operation),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn statements_are_called_by_what_they_do_and_to_what() {
        for (sql, called) in [
            (
                r#"SELECT "session"."id" FROM "session" WHERE "id" = $1"#,
                "select session",
            ),
            (
                r#"INSERT INTO "session_event" ("id") VALUES ($1)"#,
                "insert session_event",
            ),
            (r#"UPDATE "follow_up" SET "x" = $1"#, "update follow_up"),
            (r#"DELETE FROM "follow_up" WHERE "id" = $1"#, "delete follow_up"),
            ("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "lock"),
            ("select clock_timestamp()", "select"),
            ("PRAGMA foreign_keys", "other statement"),
            ("", "other statement"),
        ] {
            assert_eq!(name(sql).0, called, "{sql}");
        }
    }
}
