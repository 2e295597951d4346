//! The queries that must stay fast use the indexes made for them.

use crate::{
    reports,
    support::{Scratch, at, query, somebody_with_a_service, texts},
};
use entities::{
    audit,
    calendar_feed::{self, Side, Window},
    db::Db,
    session, waitlist_offer,
};
use sea_orm::{ConnectionTrait, DbBackend, PartialModelTrait, QuerySelect, QueryTrait, Statement, Value};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, SpecialistId, UserId},
    time::Instant,
};

const FROM: &str = "2026-06-08T00:00:00Z";
const TO: &str = "2026-06-15T00:00:00Z";

#[tokio::test]
async fn slots_are_read_from_the_index_alone_in_postgres() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    let service = somebody_with_a_service(db).await;
    fill(db).await;
    let statement = slots_query(service.specialist_id, DbBackend::Postgres);
    // As planned for these values, and as planned once for all: the tenth execution of a prepared statement.
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = explain(db, &format!("SET LOCAL plan_cache_mode = {mode}"), &statement).await;
        assert!(plan.contains("Index Only Scan using session_slots"), "{mode}:\n{plan}");
        assert!(plan.contains("Heap Fetches: 0"), "{mode}:\n{plan}");
        assert!(!plan.contains("Sort"), "{mode}:\n{plan}");
    }
    let found = session::blocking(db.reader(), service.specialist_id, at(FROM), at(TO))
        .await
        .unwrap();
    assert_eq!(found.len(), 7 * 24);
}

#[tokio::test]
async fn a_day_is_found_by_its_time_and_nothing_else_is_read_in_postgres() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    somebody_with_a_service(db).await;
    fill(db).await;
    // What happens to each of them, in the order in which it is written.
    let events = "INSERT INTO session_event
        SELECT session.id, n, session.starts_at - interval '1 day' + n * interval '1 minute', step, 'done', NULL, step || ':done'
        FROM session CROSS JOIN (VALUES (1, 'reservation'), (2, 'confirmation'), (3, 'reminder'), (4, 'close')) AS steps (n, step)
        ORDER BY 3";
    let over = "UPDATE session SET status = 'completed' WHERE ends_at < timestamptz '2026-06-01'";
    for statement in [
        events,
        over,
        "VACUUM (ANALYZE) session_event",
        "VACUUM (ANALYZE) session",
    ] {
        db.writer().execute_unprepared(statement).await.unwrap();
    }
    for statement in reports::statements(DbBackend::Postgres) {
        // Sessions are few beside their events, in a test more than in life.
        let plan = explain(db, "SELECT 1", &statement).await;
        assert!(plan.contains("Bitmap Index Scan on session_event_at"), "{plan}");
        assert!(!plan.contains("Seq Scan on session_event"), "{plan}");
    }
}

#[tokio::test]
async fn the_trail_is_read_in_the_order_of_an_index_in_postgres() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    // A year of a busy place, of which an administrator changed something now and then.
    let fill = "INSERT INTO audit SELECT gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 minute',
        ('00000000-0000-7000-8000-' || lpad(to_hex(n % 500), 12, '0'))::uuid, 'user',
        CASE WHEN n % 5000 = 0 THEN 'schedule.put' ELSE 'session.book' END, 'session', (n / 3)::text, '[]', NULL
        FROM generate_series(1, 50000) n";
    db.writer().execute_unprepared(fill).await.unwrap();
    db.writer().execute_unprepared("ANALYZE audit").await.unwrap();
    let all = audit::Filter {
        limit: 21,
        ..Default::default()
    };
    let actor = audit::Filter {
        actor: Some(UserId("00000000-0000-7000-8000-000000000001".parse().unwrap())),
        ..all.clone()
    };
    let action = audit::Filter {
        action: Some("schedule.put".to_owned()),
        ..all.clone()
    };
    let target = audit::Filter {
        target_kind: Some("session".to_owned()),
        target_id: Some("7".to_owned()),
        ..all.clone()
    };
    for (filter, index) in [
        (all, "audit_newest"),
        (actor, "audit_actor"),
        (action, "audit_action"),
        (target, "audit_target"),
    ] {
        let statement = audit::page_query(&filter).build(DbBackend::Postgres);
        let plan = explain(db, "SELECT 1", &statement).await;
        assert!(
            plan.contains(&format!("Index Scan using {index} on")) && !plan.contains("Sort"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn lists_are_read_in_the_order_of_an_index_in_postgres() {
    let scratch = Scratch::postgres().await;
    let db = &scratch.db;
    let service = somebody_with_a_service(db).await;
    fill(db).await;
    let client = UserId("00000000-0000-7000-8000-000000000001".parse().unwrap());
    let filter = session::Filter {
        limit: 20,
        after: Some((at(TO), SessionId(Uuid::nil()))),
        ..Default::default()
    };
    let of_client = session::of_client_query(client, &filter).build(DbBackend::Postgres);
    let plan = explain(db, "SELECT 1", &of_client).await;
    assert!(
        plan.contains("Index Scan using session_client on") && !plan.contains("Sort"),
        "{plan}"
    );

    let update = format!(
        "UPDATE specialist SET user_id = '{client}' WHERE id = '{}'",
        service.specialist_id
    );
    db.writer().execute_unprepared(&update).await.unwrap();
    let of_specialist = session::of_specialist_query(client, &filter).build(DbBackend::Postgres);
    let plan = explain(db, "SELECT 1", &of_specialist).await;
    assert!(
        plan.contains("Index Scan using session_specialist on") && !plan.contains("Sort"),
        "{plan}"
    );

    let window = Window {
        now: at(TO),
        from: at(FROM),
        called_off_since: at(FROM),
        limit: 1_000,
    };
    for (side, index) in [
        (Side::Client, "session_client"),
        (Side::Specialist, "session_specialist"),
    ] {
        let feed = calendar_feed::sessions_query(client, side, window).build(DbBackend::Postgres);
        let plan = explain(db, "SELECT 1", &feed).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on session "), "{plan}");
    }
}

#[tokio::test]
async fn slots_are_read_from_the_index_alone_in_sqlite() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.db.reader();
    let service = somebody_with_a_service(&scratch.db).await;
    let mut statement = slots_query(service.specialist_id, DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let plan = db.query_all_raw(statement).await.unwrap();
    let plan: Vec<String> = plan
        .iter()
        .map(|row| row.try_get_by::<String, _>("detail").unwrap())
        .collect();
    assert_eq!(plan.len(), 1, "{plan:?}");
    assert!(
        plan[0].contains("USING COVERING INDEX session_slots (specialist_id=? AND blocks_from>? AND blocks_from<?)")
    );

    let statement = format!(
        "EXPLAIN QUERY PLAN SELECT 1 FROM session other WHERE specialist_id = X'' AND {} AND blocks_from < 'b' \
         AND blocks_from > 'a' AND blocks_until > 'a' AND seat_group <> X'' AND id <> X''",
        session::BLOCKING
    );
    let plan: Vec<String> = query(db, &statement)
        .await
        .iter()
        .map(|row| row.try_get_by("detail").unwrap())
        .collect();
    assert!(plan[0].contains("USING COVERING INDEX session_slots"), "{plan:?}");
}

#[tokio::test]
async fn offers_to_attend_are_read_in_the_order_of_their_index() {
    let specialist = SpecialistId(Uuid::now_v7());
    let scratch = Scratch::postgres().await;
    let statement = waitlist_offer::to_attend_query(specialist)
        .limit(25)
        .build(DbBackend::Postgres);
    // An empty table is read as it is where that is allowed.
    let plan = explain(&scratch.db, "SET LOCAL enable_seqscan = off", &statement).await;
    assert!(
        plan.contains("Scan using waitlist_offer_to_attend on waitlist_offer"),
        "{plan}"
    );

    let scratch = Scratch::sqlite().await;
    let mut statement = waitlist_offer::to_attend_query(specialist)
        .limit(25)
        .build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let plan = scratch.db.reader().query_all_raw(statement).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.try_get_by("detail").unwrap()).collect();
    assert!(
        plan[0].contains("USING INDEX waitlist_offer_to_attend (specialist_id=?)"),
        "{plan:?}"
    );
    assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
}

fn slots_query(specialist: SpecialistId, backend: DbBackend) -> Statement {
    let query = session::blocking_query(specialist, at(FROM), at(TO));
    session::Blocking::select_cols(query.select_only()).build(backend)
}

/// Six specialists with an hourly session each, around the clock for 60 days, vacuumed and analysed.
async fn fill(db: &Db) {
    let more = "INSERT INTO specialist
        SELECT gen_random_uuid(), NULL, 'S' || n, '', '', '', '[]', '[]', 'UTC', true, 0, 0, 1, now(), now()
        FROM generate_series(2, 6) n;
        INSERT INTO service SELECT gen_random_uuid(), id, 0, '', 60, 60, 0, 0, 1, 0, 'EUR', true FROM specialist
        WHERE NOT EXISTS (SELECT 1 FROM service WHERE specialist_id = specialist.id)";
    db.writer().execute_unprepared(more).await.unwrap();
    let sessions = "INSERT INTO session
        SELECT id, 'session-' || id, specialist_id, client, service_id, NULL, 'confirmed',
            start, start + interval '1 hour', 0, 0, start, start + interval '1 hour', id, 1, NULL, 'UTC',
            NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, 0, 'hash', 0, 0, NULL, 0, '[]', now(), now()
        FROM (
            SELECT gen_random_uuid() AS id, service.specialist_id, service.id AS service_id,
                CASE WHEN h % 40 = service.n THEN '00000000-0000-7000-8000-000000000001'::uuid ELSE gen_random_uuid() END AS client,
                timestamptz '2026-05-15T00:00:00Z' + h * interval '1 hour' AS start
            FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM service) AS service
            CROSS JOIN generate_series(0, 60 * 24 - 1) h
        ) AS rows";
    // VACUUM leaves alone what a commit may still lose, and test servers commit without waiting for the disk.
    let tx = db.begin_write().await.unwrap();
    tx.execute_unprepared("SET LOCAL synchronous_commit = on")
        .await
        .unwrap();
    tx.execute_unprepared(sessions).await.unwrap();
    tx.commit().await.unwrap();
    // Rows of a moment ago are not visible to all as long as any snapshot is older: vacuum until they are.
    let whole = "SELECT (relallvisible = relpages AND relpages > 0)::text FROM pg_class WHERE relname = 'session'";
    for _ in 0..500 {
        db.writer().execute_unprepared("VACUUM (ANALYZE)").await.unwrap();
        if texts(db.reader(), whole).await == ["true"] {
            return;
        }
    }
    panic!("the sessions never became visible to all");
}

/// The plan of `statement`, run with its values in a transaction that began with `setting`.
async fn explain(db: &Db, setting: &str, statement: &Statement) -> String {
    let tx = db.begin_write().await.unwrap();
    tx.execute_unprepared(setting).await.unwrap();
    // Prepared by name, so that the setting decides about its plan; the values are spelled out as EXECUTE wants them.
    let names = (1..=statement.values.as_ref().unwrap().0.len())
        .map(|_| "unknown")
        .collect::<Vec<_>>()
        .join(", ");
    tx.execute_unprepared(&format!("PREPARE it ({names}) AS {}", statement.sql))
        .await
        .unwrap();
    let values: Vec<String> = statement.values.as_ref().unwrap().0.iter().map(literal).collect();
    let rows = query(
        &tx,
        &format!("EXPLAIN (ANALYZE, BUFFERS) EXECUTE it ({})", values.join(", ")),
    )
    .await;
    // It outlives the transaction, and the connection may come back for the next statement.
    tx.execute_unprepared("DEALLOCATE it").await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

fn literal(value: &Value) -> String {
    match value {
        Value::ChronoDateTimeUtc(Some(time)) => format!("'{}'", Instant::from(*time)),
        Value::Uuid(Some(id)) => format!("'{id}'"),
        Value::BigUnsigned(Some(number)) => number.to_string(),
        Value::String(Some(text)) => format!("'{text}'"),
        Value::Int(Some(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}
