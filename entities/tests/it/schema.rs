//! The rows of this crate and the migrated schema are the same, both ways.

use crate::support::{is_postgres, on_both, query, texts};
use entities::{
    audit, calendar_feed, daily_insight, daily_report, db::Db, fault, follow_up, insight_text, profile, report_mail,
    review, schedule, schedule_override, series, service, session, session_event, session_text, specialist, user,
    waitlist_entry, waitlist_offer,
};
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, Iterable, sea_query::Iden};
use std::collections::BTreeMap;
use workflows::sessions::state::SessionState;

/// Name, type and nullability of each column of each table.
type Tables = BTreeMap<String, BTreeMap<String, (String, bool)>>;

#[tokio::test]
async fn every_column_is_in_both_alike() {
    on_both(async |db| {
        assert_eq!(of_the_rows(is_postgres(db)), of_the_database(db).await);
    })
    .await;
}

#[tokio::test]
async fn unique_indexes_go_by_one_name_on_both() {
    on_both(async |db| {
        let sql = if is_postgres(db) {
            "SELECT t.relname || '.' || string_agg(a.attname, ', ' || t.relname || '.' ORDER BY k.n) || '=' || i.relname
             FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
             CROSS JOIN unnest(x.indkey) WITH ORDINALITY AS k (attnum, n)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
             WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace AND t.relname <> 'seaql_migrations'
             GROUP BY t.relname, i.relname"
        } else {
            "SELECT (SELECT group_concat(t.name || '.' || c.name, ', ') FROM pragma_index_info(i.name) c)
                || '=' || CASE i.origin WHEN 'c' THEN i.name ELSE t.name || '_pkey' END
             FROM sqlite_master t, pragma_index_list(t.name) i
             WHERE t.type = 'table' AND i.\"unique\" AND t.name <> 'seaql_migrations'"
        };
        let indexes = texts(db.reader(), sql).await;
        assert!(indexes.len() > 10);
        for index in indexes {
            let (columns, name) = index.split_once('=').unwrap();
            assert_eq!(fault::unique_in_sqlite(columns), Some(name), "{columns}");
        }
    })
    .await;
}

#[test]
fn the_blocking_states_are_the_ones_of_the_rules() {
    let blocking: Vec<_> = SessionState::BLOCKING
        .iter()
        .map(|state| format!("'{}'", state.as_str()))
        .collect();
    assert_eq!(session::BLOCKING, format!("status IN ({})", blocking.join(", ")));
}

fn of_the_rows(postgres: bool) -> Tables {
    let mut tables = Tables::new();
    add(&mut tables, audit::Entity, postgres);
    add(&mut tables, calendar_feed::Entity, postgres);
    add(&mut tables, daily_insight::Entity, postgres);
    add(&mut tables, daily_report::Entity, postgres);
    add(&mut tables, follow_up::Entity, postgres);
    add(&mut tables, insight_text::Entity, postgres);
    add(&mut tables, profile::Entity, postgres);
    add(&mut tables, report_mail::Entity, postgres);
    add(&mut tables, review::Entity, postgres);
    add(&mut tables, schedule::Entity, postgres);
    add(&mut tables, schedule_override::Entity, postgres);
    add(&mut tables, series::Entity, postgres);
    add(&mut tables, service::Entity, postgres);
    add(&mut tables, session::Entity, postgres);
    add(&mut tables, session_event::Entity, postgres);
    add(&mut tables, session_text::Entity, postgres);
    add(&mut tables, specialist::Entity, postgres);
    add(&mut tables, user::Entity, postgres);
    add(&mut tables, waitlist_entry::Entity, postgres);
    add(&mut tables, waitlist_offer::Entity, postgres);
    tables
}

fn add<E: EntityTrait>(tables: &mut Tables, entity: E, postgres: bool) {
    let columns = E::Column::iter().map(|column| {
        let definition = column.def();
        let (in_postgres, in_sqlite) = match definition.get_column_type() {
            ColumnType::Uuid => ("uuid", "BLOB"),
            ColumnType::String(_) | ColumnType::Text => ("text", "TEXT"),
            ColumnType::TimestampWithTimeZone => ("timestamptz", "TEXT"),
            ColumnType::Date => ("date", "TEXT"),
            ColumnType::Json | ColumnType::JsonBinary => ("jsonb", "TEXT"),
            ColumnType::Boolean => ("bool", "INTEGER"),
            ColumnType::Integer => ("int4", "INTEGER"),
            ColumnType::BigInteger => ("int8", "INTEGER"),
            other => panic!("{} is a {other:?}", column.unquoted()),
        };
        let kind = if postgres { in_postgres } else { in_sqlite };
        (column.unquoted().to_owned(), (kind.to_owned(), definition.is_null()))
    });
    tables.insert(entity.table_name().to_owned(), columns.collect());
}

async fn of_the_database(db: &Db) -> Tables {
    let sql = if is_postgres(db) {
        "SELECT table_name::text, column_name::text, udt_name::text, is_nullable = 'YES'
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'seaql_migrations'"
    } else {
        "SELECT t.name, c.name, c.type, NOT c.\"notnull\" FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name <> 'seaql_migrations'"
    };
    let mut tables = Tables::new();
    for row in query(db.reader(), sql).await {
        let [table, column, kind] = [0, 1, 2].map(|index| row.try_get_by_index::<String>(index).unwrap());
        let nullable = row.try_get_by_index(3).unwrap();
        tables.entry(table).or_default().insert(column, (kind, nullable));
    }
    tables
}
