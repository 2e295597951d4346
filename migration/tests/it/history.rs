//! Up, down and up again; several at once; a release that meets the schema of the next.

use crate::support::Scratch;
use migration::{Migrator, Step};
use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement},
};
use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

#[tokio::test]
async fn up_down_and_up_again_end_where_the_first_up_did() {
    for scratch in Scratch::both().await {
        let db = scratch.connect().await;
        let empty = schema(&db).await;
        migration::up(&db).await.unwrap();
        let first = schema(&db).await;
        assert!(applied(&db).await.iter().all(|step| step.applied));

        for _ in Migrator::migrations() {
            migration::down(&db, Some(1)).await.unwrap();
        }
        assert_eq!(schema(&db).await, empty, "something is left behind");
        assert!(applied(&db).await.iter().all(|step| !step.applied));

        migration::up(&db).await.unwrap();
        migration::up(&db).await.unwrap();
        assert_eq!(schema(&db).await, first);

        migration::fresh(&db).await.unwrap();
        assert_eq!(schema(&db).await, first);
    }
}

#[tokio::test]
async fn several_at_once_apply_each_migration_once() {
    for scratch in Scratch::both().await {
        let mut runs = Vec::new();
        for _ in 0..4 {
            let db = scratch.connect().await;
            runs.push(tokio::spawn(async move { migration::up(&db).await }));
        }
        for run in runs {
            run.await.unwrap().unwrap();
        }
        let db = scratch.connect().await;
        assert!(applied(&db).await.iter().all(|step| step.applied));
    }
}

/// As pods that start at the same time: each a process of its own.
#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    for scratch in Scratch::both().await {
        let n_steps = Migrator::migrations().len();
        let pods: Vec<_> = (0..3)
            .map(|_| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_migration"));
                command
                    .arg("up")
                    .env("DATABASE_URL", &scratch.url)
                    .env("APP_ENV", "development");
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for pod in pods {
            let output = pod.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(
                output.status.success(),
                "{text} {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let n_applied = text.lines().filter(|line| line.starts_with("applied ")).count();
            assert_eq!(n_applied, n_steps, "{text}");
        }
        let db = scratch.connect().await;
        assert!(applied(&db).await.iter().all(|step| step.applied));
    }
}

/// What the release before reads and writes is still there after each migration: its columns, of the same type and no
/// stricter, and nothing new that it would have to fill in.
#[tokio::test]
async fn each_migration_leaves_the_release_before_its_schema() {
    for scratch in Scratch::both().await {
        let db = scratch.connect().await;
        let mut before = columns(&db).await;
        for migration in Migrator::migrations() {
            Migrator::up(&db, Some(1)).await.unwrap();
            let after = columns(&db).await;
            let name = migration.name();
            for (column, (kind, required)) in &before {
                let (now, now_required) = after
                    .get(column)
                    .unwrap_or_else(|| panic!("{name} takes {column:?} away"));
                assert_eq!(now, kind, "{name} changes the type of {column:?}");
                assert!(*required || !now_required, "{name} asks more of {column:?}");
            }
            for ((table, column), (_, required)) in &after {
                let is_new = !before.contains_key(&(table.clone(), column.clone()));
                let old_table = before.keys().any(|(other, _)| other == table);
                assert!(
                    !(is_new && old_table && *required),
                    "{name} wants {table}.{column} from everybody"
                );
            }
            before = after;
        }
        assert!(before.len() > 100, "{}", before.len());
    }
}

/// By table and name: the type, and whether an insert that does not name it fails.
async fn columns(db: &DatabaseConnection) -> BTreeMap<(String, String), (String, bool)> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            r#"SELECT t.name, c.name, c.type, c."notnull" = 1 AND c.dflt_value IS NULL
               FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"#
        }
        _ => {
            "SELECT table_name::text, column_name::text, udt_name::text,
                (is_nullable = 'NO' AND column_default IS NULL)::int::bigint
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    let text = |row: &QueryResult, n: usize| row.try_get_by_index::<String>(n).unwrap();
    let rows = rows.iter().map(|row| {
        let required: i64 = row.try_get_by_index(3).unwrap();
        ((text(row, 0), text(row, 1)), (text(row, 2), required == 1))
    });
    rows.collect()
}

#[tokio::test]
async fn a_release_that_was_rolled_back_runs_on_the_schema_of_the_next() {
    for scratch in Scratch::both().await {
        let db = scratch.connect().await;
        migration::up(&db).await.unwrap();
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)";
        db.execute_unprepared(later).await.unwrap();
        migration::up(&db).await.unwrap();
        assert!(applied(&db).await.iter().all(|step| step.applied));
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    for scratch in Scratch::both().await {
        let db = scratch.connect().await;
        // In the way of the second table of a migration.
        db.execute_unprepared("CREATE TABLE service (id integer)")
            .await
            .unwrap();
        let before = schema(&db).await;
        migration::up(&db).await.unwrap_err();
        assert!(!schema(&db).await.iter().any(|name| name.contains("specialist")));
        db.execute_unprepared("DROP TABLE service").await.unwrap();
        assert!(schema(&db).await.len() >= before.len() - 1);
        migration::up(&db).await.unwrap();
    }
}

#[tokio::test]
async fn asking_for_the_status_changes_nothing() {
    for scratch in Scratch::both().await {
        let db = scratch.connect().await;
        let empty = schema(&db).await;
        let steps = applied(&db).await;
        assert_eq!(steps.len(), Migrator::migrations().len());
        assert!(steps.iter().all(|step| !step.applied));
        assert_eq!(schema(&db).await, empty);
    }
}

#[test]
fn the_binary_does_what_it_is_told() {
    let scratch = Scratch::sqlite();
    let run = |arguments: &[&str], environment: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migration"));
        let output = command
            .args(arguments)
            .env("DATABASE_URL", &scratch.url)
            .env("APP_ENV", environment)
            .output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let n_steps = Migrator::migrations().len();
    let (fine, steps) = run(&["status"], "development");
    assert!(
        fine && steps.lines().filter(|line| line.starts_with("pending ")).count() == n_steps,
        "{steps}"
    );
    let (fine, steps) = run(&["up"], "production");
    assert!(
        fine && steps.lines().filter(|line| line.starts_with("applied ")).count() == n_steps,
        "{steps}"
    );
    let (fine, steps) = run(&["down", "2"], "development");
    assert!(
        fine && steps.lines().filter(|line| line.starts_with("pending ")).count() == 2,
        "{steps}"
    );
    assert!(run(&["fresh"], "development").0);
    assert!(!run(&["fresh"], "production").0);
    assert!(!run(&["sideways"], "development").0);
    assert!(!run(&[], "development").0);
}

async fn applied(db: &DatabaseConnection) -> Vec<Step> {
    migration::status(db).await.unwrap()
}

/// Every table, column, constraint, index, trigger and function of ours, but for the history of migrations.
async fn schema(db: &DatabaseConnection) -> Vec<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master
             WHERE tbl_name <> 'seaql_migrations' AND name <> 'seaql_migrations' ORDER BY 1"
        }
        _ => {
            "SELECT * FROM (
                SELECT 'column ' || table_name || '.' || column_name || ' ' || udt_name || ' ' || is_nullable
                    || coalesce(' ' || column_default, '')
                FROM information_schema.columns WHERE table_schema = 'public'
                UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid)
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT 'function ' || proname FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
             ) AS everything (line) WHERE line NOT LIKE '%seaql_migrations%' ORDER BY 1"
        }
    };
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
