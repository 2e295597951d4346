//! What a database says of people: every column of every table, whatever tables there are.

use entities::db::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Where any of these words stands in the database, as `table.column: word`; whether letters are large does not matter.
///
/// # Panics
/// When the database is away.
pub async fn mentions(db: &Db, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in columns(db).await {
        let text = if is_sqlite(db) {
            "CAST(\"@c\" AS TEXT)"
        } else {
            "\"@c\"::text"
        };
        let sql = format!("SELECT {text} FROM \"{table}\" WHERE \"@c\" IS NOT NULL").replace("@c", &column);
        for value in texts(db, &sql).await {
            let value = value.to_lowercase();
            let named = words.iter().filter(|word| value.contains(&word.to_lowercase()));
            found.extend(named.map(|word| format!("{table}.{column}: {word}")));
        }
    }
    found
}

async fn columns(db: &Db) -> Vec<(String, String)> {
    let sql = if is_sqlite(db) {
        "SELECT t.name || '.' || c.name FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.type <> 'BLOB'"
    } else {
        "SELECT table_name::text || '.' || column_name::text FROM information_schema.columns
         WHERE table_schema = 'public'"
    };
    let names = texts(db, sql).await;
    assert!(50 < names.len(), "the schema has more columns than {names:?}");
    let split = names.iter().filter_map(|name| name.split_once('.'));
    split
        .map(|(table, column)| (table.to_owned(), column.to_owned()))
        .collect()
}

async fn texts(db: &Db, sql: &str) -> Vec<String> {
    let backend = db.reader().get_database_backend();
    let rows = db.reader().query_all_raw(Statement::from_string(backend, sql)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect()
}

fn is_sqlite(db: &Db) -> bool {
    db.reader().get_database_backend() == DbBackend::Sqlite
}
