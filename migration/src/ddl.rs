//! How one text serves both databases: the types of a `CREATE TABLE` are written as `@name`.
//!
//! Most of the schema is `CHECK`s and partial indexes, which read the same in both and which a query builder cannot say
//! as plainly. SQLite's tables are `STRICT`, so that a value of the wrong type is refused there as well.

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{ConnectionTrait, DbBackend, DbErr},
};

/// What a type is called in PostgreSQL, and in a `STRICT` table of SQLite.
const TYPES: [(&str, &str, &str); 8] = [
    ("@uuid", "uuid", "BLOB"),
    // RFC 3339 in UTC as the driver writes it, `…:00+00:00` or `…:00.5+00:00`: '+' sorts before '.', and '.' before any
    // digit, so that text order is time order, with and without a fraction.
    ("@instant", "timestamptz", "TEXT"),
    ("@date", "date", "TEXT"),
    ("@json", "jsonb", "TEXT"),
    ("@bool", "boolean", "INTEGER"),
    ("@bigint", "bigint", "INTEGER"),
    ("@int", "integer", "INTEGER"),
    ("@strict", "", "STRICT"),
];

/// Run `text`, one or more statements for both databases.
pub(crate) async fn run(manager: &SchemaManager<'_>, text: &str) -> Result<(), DbErr> {
    let sqlite = manager.get_database_backend() == DbBackend::Sqlite;
    let text = TYPES
        .iter()
        .fold(text.to_owned(), |text, (name, in_postgres, in_sqlite)| {
            text.replace(name, if sqlite { in_sqlite } else { in_postgres })
        });
    manager.get_connection().execute_unprepared(&text).await.map(drop)
}

/// Run the text written for the database at hand.
pub(crate) async fn run_either(manager: &SchemaManager<'_>, in_postgres: &str, in_sqlite: &str) -> Result<(), DbErr> {
    match manager.get_database_backend() {
        DbBackend::Sqlite => run(manager, in_sqlite).await,
        _ => run(manager, in_postgres).await,
    }
}
