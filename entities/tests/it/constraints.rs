//! What the schema refuses, by the name that code maps to an answer.

use crate::support::{
    a_service, a_session, a_specialist, attempt, in_a_transaction, insert, is_postgres, on_both, on_monday, refused_by,
    somebody, somebody_with_a_service, store,
};
use entities::{
    db::Db,
    fault::{Fault, SESSION_CLIENT_OVERLAP, SESSION_SEAT_TAKEN, SESSION_SPECIALIST_OVERLAP},
    service, session,
};
use sea_orm::ActiveValue::Set;
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, ServiceId, UserId},
    sessions::state::SessionState::{self, Cancelled, Completed, Confirmed, Expired, Failed, Held, NoShow},
};

/// A session of a case: specialist 0 or 1, client by letter, times of one day.
#[derive(Clone, Copy)]
struct Row {
    specialist: usize,
    client: char,
    from: &'static str,
    to: &'static str,
    before: i32,
    after: i32,
    /// A group shared with the other row of the case; otherwise the session's own.
    group: bool,
    seat: i32,
    status: SessionState,
}

const NINE_TO_TEN: Row = Row {
    specialist: 0,
    client: 'a',
    from: "09:00",
    to: "10:00",
    before: 0,
    after: 0,
    group: false,
    seat: 1,
    status: Confirmed,
};
/// Somebody else's.
const OTHER: Row = Row {
    client: 'b',
    ..NINE_TO_TEN
};

/// What is there, what comes, and what refuses it.
fn cases() -> Vec<(&'static str, Row, Row, Option<&'static str>)> {
    let specialist = Some(SESSION_SPECIALIST_OVERLAP);
    let client = Some(SESSION_CLIENT_OVERLAP);
    let seat = Some(SESSION_SEAT_TAKEN);
    let mut cases = vec![
        ("the same slot", NINE_TO_TEN, OTHER, specialist),
        (
            "begins inside",
            NINE_TO_TEN,
            Row {
                from: "09:59",
                to: "10:59",
                ..OTHER
            },
            specialist,
        ),
        (
            "ends inside",
            NINE_TO_TEN,
            Row {
                from: "08:01",
                to: "09:01",
                ..OTHER
            },
            specialist,
        ),
        (
            "lies inside",
            NINE_TO_TEN,
            Row {
                from: "09:20",
                to: "09:40",
                ..OTHER
            },
            specialist,
        ),
        (
            "lies around",
            NINE_TO_TEN,
            Row {
                from: "08:00",
                to: "11:00",
                ..OTHER
            },
            specialist,
        ),
        (
            "back to back after",
            NINE_TO_TEN,
            Row {
                from: "10:00",
                to: "11:00",
                ..OTHER
            },
            None,
        ),
        (
            "back to back before",
            NINE_TO_TEN,
            Row {
                from: "08:00",
                to: "09:00",
                ..OTHER
            },
            None,
        ),
        (
            "their buffer after",
            Row {
                after: 10,
                ..NINE_TO_TEN
            },
            Row {
                from: "10:09",
                to: "11:00",
                ..OTHER
            },
            specialist,
        ),
        (
            "behind their buffer",
            Row {
                after: 10,
                ..NINE_TO_TEN
            },
            Row {
                from: "10:10",
                to: "11:00",
                ..OTHER
            },
            None,
        ),
        (
            "their buffer before",
            Row {
                before: 10,
                ..NINE_TO_TEN
            },
            Row {
                from: "08:00",
                to: "08:51",
                ..OTHER
            },
            specialist,
        ),
        (
            "its buffer before",
            NINE_TO_TEN,
            Row {
                from: "10:09",
                to: "11:00",
                before: 10,
                ..OTHER
            },
            specialist,
        ),
        (
            "its buffer fits",
            NINE_TO_TEN,
            Row {
                from: "10:10",
                to: "11:00",
                before: 10,
                ..OTHER
            },
            None,
        ),
        (
            "both keep their buffers",
            Row {
                after: 10,
                ..NINE_TO_TEN
            },
            Row {
                from: "10:19",
                to: "11:00",
                before: 10,
                ..OTHER
            },
            specialist,
        ),
        (
            "another seat of the group",
            Row {
                group: true,
                ..NINE_TO_TEN
            },
            Row {
                group: true,
                seat: 2,
                ..OTHER
            },
            None,
        ),
        (
            "the same seat of the group",
            Row {
                group: true,
                ..NINE_TO_TEN
            },
            Row { group: true, ..OTHER },
            seat,
        ),
        (
            "another group's start",
            Row {
                group: true,
                ..NINE_TO_TEN
            },
            Row { seat: 2, ..OTHER },
            specialist,
        ),
        ("another specialist", NINE_TO_TEN, Row { specialist: 1, ..OTHER }, None),
        (
            "the client is elsewhere",
            NINE_TO_TEN,
            Row {
                specialist: 1,
                from: "09:30",
                to: "10:30",
                ..NINE_TO_TEN
            },
            client,
        ),
        (
            "the client comes from elsewhere",
            NINE_TO_TEN,
            Row {
                specialist: 1,
                from: "10:00",
                to: "11:00",
                ..NINE_TO_TEN
            },
            None,
        ),
        (
            "buffers are the specialist's, not the client's",
            Row {
                after: 30,
                ..NINE_TO_TEN
            },
            Row {
                specialist: 1,
                from: "10:00",
                to: "11:00",
                before: 30,
                ..NINE_TO_TEN
            },
            None,
        ),
        ("the same client, the same slot", NINE_TO_TEN, NINE_TO_TEN, specialist),
        (
            "two seats for one",
            Row {
                group: true,
                ..NINE_TO_TEN
            },
            Row {
                group: true,
                seat: 2,
                ..NINE_TO_TEN
            },
            client,
        ),
        (
            "half a second in",
            Row {
                to: "10:00:00.5",
                ..NINE_TO_TEN
            },
            Row {
                from: "10:00",
                to: "11:00",
                ..OTHER
            },
            specialist,
        ),
        (
            "half a second behind",
            Row {
                to: "10:00:00.5",
                ..NINE_TO_TEN
            },
            Row {
                from: "10:00:00.5",
                to: "11:00",
                ..OTHER
            },
            None,
        ),
        (
            "a microsecond in",
            Row {
                to: "10:00:00.500001",
                ..NINE_TO_TEN
            },
            Row {
                from: "10:00:00.5",
                to: "11:00",
                ..OTHER
            },
            specialist,
        ),
        (
            "within a fraction",
            Row {
                from: "09:00:00.25",
                ..NINE_TO_TEN
            },
            Row {
                from: "08:00",
                to: "09:00",
                ..OTHER
            },
            None,
        ),
        (
            "it does not block",
            NINE_TO_TEN,
            Row {
                status: Cancelled,
                ..OTHER
            },
            None,
        ),
        (
            "a long one reaches far",
            Row {
                after: 14 * 60,
                ..NINE_TO_TEN
            },
            Row {
                from: "23:59",
                to: "23:59:30",
                ..OTHER
            },
            specialist,
        ),
    ];
    for status in [Held, Confirmed, Completed, NoShow] {
        cases.push(("it blocks", Row { status, ..NINE_TO_TEN }, OTHER, specialist));
        cases.push((
            "blocks the client",
            Row { status, ..NINE_TO_TEN },
            Row {
                specialist: 1,
                ..NINE_TO_TEN
            },
            client,
        ));
        cases.push((
            "blocks the seat",
            Row {
                status,
                group: true,
                ..NINE_TO_TEN
            },
            Row { group: true, ..OTHER },
            seat,
        ));
    }
    for status in [Cancelled, Expired, Failed] {
        cases.push(("blocks no more", Row { status, ..NINE_TO_TEN }, NINE_TO_TEN, None));
        cases.push((
            "frees the seat",
            Row {
                status,
                group: true,
                ..NINE_TO_TEN
            },
            Row { group: true, ..OTHER },
            None,
        ));
    }
    cases
}

/// What a case happens to: specialists, clients and a group of its own.
struct Stage {
    services: Vec<service::Model>,
    clients: [UserId; 2],
    group: SeatGroup,
}

impl Stage {
    async fn set(db: &Db) -> Self {
        let specialists = [a_specialist("Ada"), a_specialist("Grace")];
        let services: Vec<_> = specialists.iter().map(|specialist| a_service(specialist.id)).collect();
        store(db, specialists).await;
        store(db, services.clone()).await;
        Self {
            services,
            clients: [somebody(), somebody()],
            group: SeatGroup(Uuid::new_v4()),
        }
    }

    fn session(&self, row: Row) -> session::Model {
        let client = if row.client == 'a' {
            self.clients[0]
        } else {
            self.clients[1]
        };
        let mut session = a_session(
            &self.services[row.specialist],
            client,
            on_monday(row.from),
            on_monday(row.to),
        );
        session.buffer_before_minutes = row.before;
        session.buffer_after_minutes = row.after;
        session.blocks_from = session.starts_at.plus_minutes(-i64::from(row.before));
        session.blocks_until = session.ends_at.plus_minutes(row.after.into());
        session.seat = row.seat;
        session.status = row.status;
        if row.group {
            session.seat_group = self.group;
        }
        session
    }
}

fn expected(refusal: Option<&str>) -> Result<(), Fault> {
    refusal.map_or(Ok(()), refused_by)
}

#[tokio::test]
async fn a_session_is_inserted_or_refused() {
    on_both(async |db| {
        for (name, there, comes, refusal) in cases() {
            let stage = Stage::set(db).await;
            insert(db, stage.session(there)).await.unwrap();
            assert_eq!(insert(db, stage.session(comes)).await, expected(refusal), "{name}");
            // Who was first does not matter.
            let stage = Stage::set(db).await;
            insert(db, stage.session(comes)).await.unwrap();
            assert_eq!(
                insert(db, stage.session(there)).await,
                expected(refusal),
                "{name}, the other way round"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_blocks_again_is_judged_again() {
    on_both(async |db| {
        for (name, there, comes, refusal) in cases() {
            let stage = Stage::set(db).await;
            insert(db, stage.session(there)).await.unwrap();
            let session = stage.session(comes);
            insert(
                db,
                session::Model {
                    status: Cancelled,
                    ..session.clone()
                },
            )
            .await
            .unwrap();
            let changes = session::ActiveModel {
                status: Set(comes.status),
                ..Default::default()
            };
            assert_eq!(change(db, &session, changes).await, expected(refusal), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_moves_is_judged_again() {
    on_both(async |db| {
        for (name, there, comes, refusal) in cases() {
            let stage = Stage::set(db).await;
            insert(db, stage.session(there)).await.unwrap();
            let target = stage.session(comes);
            let elsewhere = a_session(
                &stage.services[comes.specialist],
                target.client_id,
                on_monday("09:00").plus_minutes(7 * 24 * 60),
                on_monday("10:00").plus_minutes(7 * 24 * 60),
            );
            let session = session::Model {
                status: comes.status,
                ..elsewhere
            };
            insert(db, session.clone()).await.unwrap();
            let changes = session::ActiveModel {
                starts_at: Set(target.starts_at),
                ends_at: Set(target.ends_at),
                blocks_from: Set(target.blocks_from),
                blocks_until: Set(target.blocks_until),
                seat_group: Set(target.seat_group),
                seat: Set(target.seat),
                ..Default::default()
            };
            assert_eq!(change(db, &session, changes).await, expected(refusal), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_is_never_in_its_own_way() {
    on_both(async |db| {
        let stage = Stage::set(db).await;
        let session = stage.session(NINE_TO_TEN);
        insert(db, session.clone()).await.unwrap();
        let half_past = session::ActiveModel {
            starts_at: Set(on_monday("09:30")),
            ends_at: Set(on_monday("10:30")),
            blocks_from: Set(on_monday("09:30")),
            blocks_until: Set(on_monday("10:30")),
            ..Default::default()
        };
        assert_eq!(change(db, &session, half_past).await, Ok(()));
        // A repeated insert meets its own key or its own seat, not its own time: it is no news about the slot.
        let fault = insert(db, session).await.unwrap_err();
        let own = ["session_pkey", SESSION_SEAT_TAKEN];
        let allowed = if is_postgres(db) { &own[..1] } else { &own[..2] };
        assert!(
            allowed
                .iter()
                .any(|name| fault == Fault::Constraint((*name).to_owned())),
            "{fault:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_row_must_make_sense() {
    on_both(async |db| {
        let stage = Stage::set(db).await;
        let whole = stage.session(NINE_TO_TEN);
        let nine = on_monday("09:00");
        let expires = Some(on_monday("08:50"));
        let other_service = stage.services[1].id;
        let cases: Vec<(&str, session::Model)> = vec![
            (
                "session_range",
                session::Model {
                    ends_at: nine,
                    blocks_until: nine,
                    ..whole.clone()
                },
            ),
            (
                "session_range",
                session::Model {
                    ends_at: on_monday("08:00"),
                    ..whole.clone()
                },
            ),
            (
                "session_buffers",
                session::Model {
                    blocks_from: on_monday("09:01"),
                    ..whole.clone()
                },
            ),
            (
                "session_buffers",
                session::Model {
                    blocks_until: on_monday("09:59"),
                    ..whole.clone()
                },
            ),
            (
                "session_buffers",
                session::Model {
                    buffer_before_minutes: -1,
                    ..whole.clone()
                },
            ),
            (
                "session_block",
                session::Model {
                    blocks_until: nine.plus_minutes(48 * 60 + 1),
                    ..whole.clone()
                },
            ),
            (
                "session_seat",
                session::Model {
                    seat: 0,
                    ..whole.clone()
                },
            ),
            (
                "session_hold",
                session::Model {
                    hold_expires_at: expires,
                    ..whole.clone()
                },
            ),
            (
                "session_service",
                session::Model {
                    service_id: ServiceId(Uuid::new_v4()),
                    ..whole.clone()
                },
            ),
            (
                "session_service",
                session::Model {
                    service_id: other_service,
                    ..whole.clone()
                },
            ),
        ];
        for (name, session) in cases {
            let name = if name == "session_service" && !is_postgres(db) {
                "foreign_key"
            } else {
                name
            };
            assert_eq!(insert(db, session).await, refused_by(name));
        }
        insert(
            db,
            session::Model {
                status: Held,
                hold_expires_at: expires,
                ..whole.clone()
            },
        )
        .await
        .unwrap();
        // Confirming a hold clears its expiry at once, or not at all.
        let forgotten = session::ActiveModel {
            status: Set(Confirmed),
            ..Default::default()
        };
        assert_eq!(change(db, &whole, forgotten).await, refused_by("session_hold"));
        let two_days = session::Model {
            blocks_until: nine.plus_minutes(48 * 60 + 24 * 60),
            blocks_from: nine.plus_minutes(24 * 60),
            starts_at: nine.plus_minutes(24 * 60),
            ends_at: nine.plus_minutes(25 * 60),
            ..stage.session(OTHER)
        };
        assert_eq!(insert(db, two_days).await, Ok(()));
        assert_eq!(
            attempt(
                db.writer(),
                "UPDATE session SET status = 'lost' WHERE hold_expires_at IS NULL"
            )
            .await,
            refused_by("session_status")
        );
        assert_eq!(
            attempt(db.writer(), "UPDATE session SET workflow_id = NULL").await,
            refused_by("not_null")
        );
    })
    .await;
}

#[tokio::test]
async fn a_service_must_make_sense() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        for (name, column, value) in [
            ("service_duration", "duration_minutes", "0"),
            ("service_interval", "slot_interval_minutes", "0"),
            ("service_buffers", "buffer_before_minutes", "-1"),
            ("service_buffers", "buffer_after_minutes", "-1"),
            ("service_block", "buffer_after_minutes", "2821"),
            ("service_block", "duration_minutes", "2147483647"),
            ("service_capacity", "capacity", "0"),
            ("service_price", "price_minor", "-1"),
            ("service_currency", "currency", "'EURO'"),
        ] {
            let update = format!("UPDATE service SET {column} = {value}");
            assert_eq!(
                attempt(db.writer(), &update).await,
                refused_by(name),
                "{column} = {value}"
            );
        }
        let longest = "UPDATE service SET buffer_after_minutes = 2820";
        assert_eq!(attempt(db.writer(), longest).await, Ok(()));
        assert!(service.offer().is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_date_that_does_not_exist_is_refused() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let id = service.specialist_id.0;
        let id = if is_postgres(db) {
            format!("'{id}'")
        } else {
            format!("X'{}'", id.simple())
        };
        for (date, fine) in [
            ("2026-02-28", true),
            ("2026-02-31", false),
            ("some day", false),
            ("2024-02-29", true),
        ] {
            let insert =
                format!("INSERT INTO schedule_override (specialist_id, date, windows) VALUES ({id}, '{date}', '[]')");
            assert_eq!(attempt(db.writer(), &insert).await.is_ok(), fine, "{date}");
        }
    })
    .await;
}

async fn change(db: &Db, session: &session::Model, changes: session::ActiveModel) -> Result<(), Fault> {
    in_a_transaction(db, async |tx| {
        session::change(tx, session.id, changes, 0, on_monday("12:00")).await
    })
    .await
    .map(drop)
}
