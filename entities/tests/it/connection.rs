//! Opening the database, and what a failure of it is called.

use crate::support::{Scratch, attempt, is_postgres, on_both, options, query, texts};
use entities::{
    db::{self, CHECKED_AFTER, Db, Options},
    fault::{Fault, classify},
};
use sea_orm::{ConnectionTrait, DbErr};
use std::time::{Duration, SystemTime};
use workflows::time::Instant;

#[tokio::test]
async fn connections_are_set_up() {
    on_both(async |db| {
        let tx = db.begin_write().await.unwrap();
        if is_postgres(db) {
            for (name, value) in [
                ("lock_timeout", "10s"),
                ("statement_timeout", "20s"),
                ("idle_in_transaction_session_timeout", "10s"),
                ("application_name", "entities-test"),
                ("transaction_isolation", "read committed"),
            ] {
                assert_eq!(texts(&tx, &format!("SHOW {name}")).await, [value], "{name}");
            }
        } else {
            for connection in [db.reader(), db.writer()] {
                if std::ptr::eq(connection, db.writer()) {
                    continue; // it is the transaction's
                }
                let enforced: i64 = query(connection, "PRAGMA foreign_keys").await[0]
                    .try_get_by_index(0)
                    .unwrap();
                assert_eq!(enforced, 1);
                assert_eq!(texts(connection, "PRAGMA journal_mode").await, ["wal"]);
            }
            let enforced: i64 = query(&tx, "PRAGMA foreign_keys").await[0].try_get_by_index(0).unwrap();
            assert_eq!(enforced, 1);
        }
        tx.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_clock_is_the_databases() {
    on_both(async |db| {
        let here = Instant::from(SystemTime::now());
        let there = db::now(db.reader()).await.unwrap();
        assert!((there.unix_seconds() - here.unix_seconds()).abs() < 60);
        // Inside a transaction it goes on.
        let tx = db.begin_write().await.unwrap();
        let first = db::now(&tx).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(first < db::now(&tx).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_url_of_nothing_known_is_refused() {
    let bad = [
        "sqlite::memory:",
        "sqlite://x?mode=memory",
        "mysql://localhost/x",
        "",
        "postgres://a:hush@b:port/c",
    ];
    for url in bad {
        let error = Db::connect(url, &options()).await.unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_process_may_start_before_its_database() {
    let soon = Options {
        acquire_timeout: Duration::from_millis(300),
        ..options()
    };
    // A port of nobody.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let db = Db::connect(&format!("postgres://postgres@127.0.0.1:{port}/x"), &soon)
        .await
        .unwrap();
    for error in [
        db.ping().await.unwrap_err(),
        db.begin_write().await.map(drop).unwrap_err(),
    ] {
        assert_eq!(classify(&error), Fault::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_died_is_replaced_unseen() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    for _ in 0..3 {
        db.ping().await.unwrap();
        let killer = Options {
            application_name: "killer".to_owned(),
            ..options()
        };
        let other = Db::connect(&scratch.url, &killer).await.unwrap();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'entities-test' AND datname = current_database()";
        assert!(!query(other.reader(), kill).await.is_empty());
        // It rests for so long that it is looked at.
        tokio::time::sleep(CHECKED_AFTER).await;
        assert_eq!(texts(db.reader(), "SELECT 'fine'").await, ["fine"]);
    }
}

#[tokio::test]
async fn what_takes_too_long_is_unavailable() {
    let scratch = Scratch::postgres().await;
    let short = Options {
        pool_size: 1,
        max_overflow: 0,
        acquire_timeout: Duration::from_millis(400),
        statement_timeout: Duration::from_millis(200),
        lock_timeout: Duration::from_millis(100),
        ..options()
    };
    let db = Db::connect(&scratch.url, &short).await.unwrap();
    assert_eq!(
        attempt(db.writer(), "SELECT pg_sleep(5)").await,
        Err(Fault::Unavailable)
    );
    let holder = scratch.db.begin_write().await.unwrap();
    holder.execute_unprepared("LOCK TABLE session").await.unwrap();
    assert_eq!(
        attempt(db.writer(), "SELECT * FROM session").await,
        Err(Fault::Unavailable)
    );
    let only = db.begin_write().await.unwrap();
    assert_eq!(
        db.ping().await.map_err(|error| classify(&error)),
        Err(Fault::Unavailable)
    );
    drop(only);
    let killed = "SELECT pg_terminate_backend(pg_backend_pid())";
    assert_eq!(attempt(db.writer(), killed).await, Err(Fault::Unavailable));
    let unknown = scratch.url.replace("/entities_", "/no_such_");
    let error = Db::connect(&unknown, &short).await.unwrap().ping().await.unwrap_err();
    assert_eq!(classify(&error), Fault::Unavailable);
}

#[tokio::test]
async fn a_second_writer_of_the_file_waits_and_then_may_try_again() {
    let scratch = Scratch::sqlite().await;
    let hasty = Options {
        lock_timeout: Duration::from_millis(100),
        ..options()
    };
    let other = Db::connect(&scratch.url, &hasty).await.unwrap();
    let first = scratch.db.begin_write().await.unwrap();
    let error = other.begin_write().await.map(drop).unwrap_err();
    assert_eq!(classify(&error), Fault::Serialization, "{error}");
    // Reading goes on meanwhile.
    assert_eq!(texts(other.reader(), "SELECT 'fine'").await, ["fine"]);
    first.rollback().await.unwrap();
    other.begin_write().await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn two_processes_may_open_a_new_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new.db", directory.path().display());
    let mut opened = Vec::new();
    for _ in 0..8 {
        let url = url.clone();
        opened.push(tokio::spawn(async move {
            let db = Db::connect(&url, &options()).await?;
            migration::up(db.writer()).await
        }));
    }
    for one in opened {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn other_mistakes_are_nothing_of_these() {
    on_both(async |db| {
        assert_eq!(attempt(db.writer(), "SELECT * FROM nothing").await, Err(Fault::Other));
        assert_eq!(attempt(db.writer(), "SELEKT").await, Err(Fault::Other));
    })
    .await;
    assert_eq!(classify(&DbErr::RecordNotUpdated), Fault::Other);
}
