//! What a failure of the database means, by the codes of PostgreSQL and SQLite.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError, postgres::PgDatabaseError},
};

/// What to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A constraint refused the change; its name. A refusal of the caller's wish, or a bug.
    Constraint(String),
    /// Lost against another transaction: run the whole transaction again.
    Serialization,
    /// The database is away, full or busy: try again later.
    Unavailable,
    /// A bug, or a schema that is not migrated.
    Other,
}

/// Two blocks of one specialist overlap.
pub const SESSION_SPECIALIST_OVERLAP: &str = "session_specialist_overlap";
/// Two sessions of one client overlap.
pub const SESSION_CLIENT_OVERLAP: &str = "session_client_overlap";
/// The seat of a group start is taken.
pub const SESSION_SEAT_TAKEN: &str = "session_seat_taken";
/// The session has a review.
pub const REVIEW_SESSION: &str = "review_session";

/// A client waits twice for the same.
pub const WAITLIST_ENTRY_OPEN: &str = "waitlist_entry_open";

/// SQLite names the columns of a unique index, not the index; here is which is which.
const UNIQUE_IN_SQLITE: &[(&str, &str)] = &[
    ("audit.id", "audit_pkey"),
    ("follow_up.id", "follow_up_pkey"),
    ("calendar_feed.user_id, calendar_feed.side", "calendar_feed_pkey"),
    ("device.token", "device_pkey"),
    ("profile.user_id", "profile_pkey"),
    ("review.id", "review_pkey"),
    ("review.session_id", REVIEW_SESSION),
    ("schedule.specialist_id", "schedule_pkey"),
    (
        "schedule_override.specialist_id, schedule_override.date",
        "schedule_override_pkey",
    ),
    ("series.id", "series_pkey"),
    ("service.id", "service_pkey"),
    ("service.specialist_id, service.id", "service_specialist_id"),
    ("session.id", "session_pkey"),
    ("session.seat_group, session.seat", SESSION_SEAT_TAKEN),
    ("session_event.session_id, session_event.key", "session_event_key"),
    ("session_event.session_id, session_event.seq", "session_event_pkey"),
    ("session_text.id", "session_text_pkey"),
    ("specialist.id", "specialist_pkey"),
    ("specialist.user_id", "specialist_user"),
    ("user.id", "user_pkey"),
    (
        "waitlist_entry.client_id, waitlist_entry.specialist_id, waitlist_entry.service_id",
        WAITLIST_ENTRY_OPEN,
    ),
    ("waitlist_entry.id", "waitlist_entry_pkey"),
    (
        "waitlist_entry.specialist_id, waitlist_entry.place",
        "waitlist_entry_place",
    ),
    ("waitlist_offer.entry_id", "waitlist_offer_open"),
    (
        "waitlist_offer.entry_id, waitlist_offer.starts_at",
        "waitlist_offer_start",
    ),
    ("waitlist_offer.id", "waitlist_offer_pkey"),
    ("waitlist_offer.session_id", "waitlist_offer_session"),
];

/// What `error` means.
///
/// A constraint goes by its name on both databases. SQLite does not tell which foreign key (`foreign_key`), neither
/// which column was null (`not_null`).
#[must_use]
pub fn classify(error: &DbErr) -> Fault {
    match error {
        DbErr::ConnectionAcquire(_) => Fault::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(error)) => match classify_driver(error) {
            Fault::Other => Fault::Unavailable,
            fault => fault,
        },
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            classify_driver(error)
        }
        _ => Fault::Other,
    }
}

/// The name of the unique index of these columns, written as SQLite does: `session.seat_group, session.seat`.
#[must_use]
pub fn unique_in_sqlite(columns: &str) -> Option<&'static str> {
    UNIQUE_IN_SQLITE
        .iter()
        .find(|(of, _)| *of == columns)
        .map(|(_, name)| *name)
}

fn classify_driver(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => classify_postgres(error),
            None => classify_sqlite(error.as_ref()),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Unavailable,
        _ => Fault::Other,
    }
}

fn classify_postgres(error: &PgDatabaseError) -> Fault {
    match error.code() {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Fault::Serialization,
        "23502" => Fault::Constraint("not_null".to_owned()),
        code if code.starts_with("23") => Fault::Constraint(error.constraint().unwrap_or_default().to_owned()),
        // lock_not_available, query_canceled (its time-out), idle_in_transaction_session_timeout, transaction_timeout,
        // read_only_sql_transaction (a standby), cannot_connect_now and the shutdowns, io_error
        "55P03" | "57014" | "25P03" | "25P04" | "25006" | "57P01" | "57P02" | "57P03" | "57P05" | "58030" => {
            Fault::Unavailable
        }
        // connection exceptions, invalid authorization (a rotated password), insufficient resources
        code if ["08", "28", "53"].iter().any(|class| code.starts_with(class)) => Fault::Unavailable,
        _ => Fault::Other,
    }
}

fn classify_sqlite(error: &dyn DatabaseError) -> Fault {
    const CONSTRAINT_CHECK: i32 = 275;
    const CONSTRAINT_FOREIGN_KEY: i32 = 787;
    const CONSTRAINT_NOT_NULL: i32 = 1299;
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    let message = error.message();
    match (code, code & 0xff) {
        (CONSTRAINT_FOREIGN_KEY, _) => Fault::Constraint("foreign_key".to_owned()),
        (CONSTRAINT_NOT_NULL, _) => Fault::Constraint("not_null".to_owned()),
        (CONSTRAINT_CHECK, _) => Fault::Constraint(
            message
                .strip_prefix("CHECK constraint failed: ")
                .unwrap_or(message)
                .to_owned(),
        ),
        // SQLITE_CONSTRAINT: a unique index by its columns, or what a trigger raised
        (_, 19) => {
            let columns = message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message);
            Fault::Constraint(unique_in_sqlite(columns).unwrap_or(columns).to_owned())
        }
        // SQLITE_BUSY, SQLITE_LOCKED
        (_, 5 | 6) => Fault::Serialization,
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        (_, 8 | 10 | 13 | 14) => Fault::Unavailable,
        _ => Fault::Other,
    }
}
