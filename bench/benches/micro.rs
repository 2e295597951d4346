//! Small measurements: `make micro`.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../shapes.rs"]
mod shapes;

use api::{
    auth::{
        issuer::{AUDIENCE, Issuer},
        jwks::{Keys, Patience},
        verifier::Verifier,
    },
    sessions::wire::SessionView,
};
use divan::{Bencher, black_box, counter::ItemsCount};
use entities::{
    column::OffsetsMinutes,
    db::{Db, Options},
    session::{self, Shown},
};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement};
use shapes::Month;
use std::cell::RefCell;
use tokio::runtime::Runtime;
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, ServiceId, SessionId, SpecialistId, UserId},
    sessions::state::SessionState,
    time::Instant,
};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A month of eight specialists, with 400 busy ranges.
#[divan::bench]
fn slots(bencher: Bencher<'_, '_>) {
    let month = Month::new();
    bencher.bench(|| black_box(&month).free());
}

/// A token: seen before, and never.
#[divan::bench(args = ["seen", "new"])]
fn verify(bencher: Bencher<'_, '_>, which: &str) {
    let runtime = Runtime::new().unwrap();
    let (issuer, verifier) = runtime.block_on(async {
        let issuer = Issuer::start("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("{}/protocol/openid-connect/certs", issuer.url());
        let keys = Keys::new(url.parse().unwrap(), Patience::default());
        let verifier = Verifier::new(keys, issuer.url(), AUDIENCE);
        verifier.verify(&issuer.token("warm", &["user"], 600)).await.unwrap();
        (issuer, verifier)
    });
    let known = issuer.token("ada", &["user"], 600);
    runtime.block_on(verifier.verify(&known)).unwrap();
    let n = RefCell::new(0);
    bencher
        .with_inputs(|| match which {
            "seen" => known.clone(),
            _ => {
                *n.borrow_mut() += 1;
                issuer.token(&format!("user-{}", n.borrow()), &["user"], 600)
            }
        })
        .bench_local_refs(|token| runtime.block_on(verifier.verify(token)).unwrap());
}

/// A list of a hundred sessions as bytes: by serde, and by the library's tree.
#[divan::bench(args = ["bytes", "tree"])]
fn json(bencher: Bencher<'_, '_>, which: &str) {
    let views: Vec<SessionView> = (0..100)
        .map(|n| Shown {
            row: row(n),
            notes: None,
            timeline: Vec::new(),
        })
        .map(SessionView::from)
        .collect();
    let bencher = bencher.counter(ItemsCount::new(views.len()));
    match which {
        "bytes" => bencher.bench(|| serde_json::to_vec(black_box(&views)).unwrap()),
        _ => bencher.bench(|| {
            use poem_openapi::types::ToJSON;
            serde_json::to_vec(&black_box(&views).to_json()).unwrap()
        }),
    }
}

/// A hundred rows of a result as models.
#[divan::bench]
fn rows(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().unwrap();
    let rows: Vec<QueryResult> = runtime.block_on(async {
        let url = std::env::var("TEST_DATABASE_URL").expect("`make micro` starts a PostgreSQL");
        let db = Db::connect(&url, &Options::default()).await.unwrap();
        db.reader()
            .query_all_raw(Statement::from_string(DbBackend::Postgres, ROWS))
            .await
            .unwrap()
    });
    assert_eq!(rows.len(), 100);
    bencher.counter(ItemsCount::new(rows.len())).bench(|| {
        black_box(&rows)
            .iter()
            .map(|row| session::Model::from_query_result(row, "").unwrap())
            .collect::<Vec<_>>()
    });
}

const ROWS: &str = "
SELECT gen_random_uuid() AS id, 'session-' || gen_random_uuid() AS workflow_id, gen_random_uuid() AS specialist_id,
    gen_random_uuid() AS client_id, gen_random_uuid() AS service_id, NULL::uuid AS series_id, 'confirmed' AS status,
    now() AS starts_at, now() AS ends_at, 0 AS buffer_before_minutes, 0 AS buffer_after_minutes, now() AS blocks_from,
    now() AS blocks_until, gen_random_uuid() AS seat_group, 1 AS seat, NULL::timestamptz AS hold_expires_at,
    'Europe/Berlin' AS time_zone, NULL::uuid AS notes_id, NULL::uuid AS cancel_reason_id,
    'https://meet.example.test/room' AS meeting_url, NULL::text AS meeting_ref, 'key' AS meeting_key,
    NULL::boolean AS late_cancel, NULL::text AS failure, 0 AS sequence, 1 AS version, 4 AS event_seq,
    repeat('h', 43) AS request_hash, 1440 AS cancel_notice_minutes, 1440 AS reschedule_notice_minutes,
    NULL::int AS max_reschedules, 0 AS reschedules, '[1440,60]'::jsonb AS reminder_offsets, now() AS created_at,
    now() AS updated_at, NULL::timestamptz AS closed_at
FROM generate_series(1, 100)";

fn row(n: i64) -> session::Model {
    let at = Instant::from_unix_seconds(1_800_000_000 + 3_600 * n);
    let id = SessionId(Uuid::new_v4());
    session::Model {
        id,
        workflow_id: format!("session-{id}"),
        specialist_id: SpecialistId(Uuid::new_v4()),
        client_id: UserId(Uuid::new_v4()),
        service_id: ServiceId(Uuid::new_v4()),
        series_id: None,
        status: SessionState::Confirmed,
        starts_at: at,
        ends_at: at.plus_minutes(60),
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        blocks_from: at,
        blocks_until: at.plus_minutes(60),
        seat_group: SeatGroup(id.0),
        seat: 1,
        hold_expires_at: None,
        time_zone: "Europe/Berlin".to_owned(),
        notes_id: None,
        cancel_reason_id: None,
        meeting_url: Some(format!("https://meet.example.test/{id}")),
        meeting_ref: None,
        meeting_key: Some(format!("{id}-0")),
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 1,
        event_seq: 4,
        request_hash: "h".repeat(43),
        cancel_notice_minutes: 1440,
        reschedule_notice_minutes: 1440,
        max_reschedules: None,
        reschedules: 0,
        reminder_offsets: OffsetsMinutes(vec![1440, 60]),
        created_at: at,
        updated_at: at,
        closed_at: None,
    }
}
