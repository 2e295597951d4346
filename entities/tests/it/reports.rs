//! Daily reports: a day counted by hand, once.

use crate::support::{Scratch, a_service, a_session, a_specialist, at, attempt, on_both, refused_by, somebody, store};
use entities::{
    column::LocalDate,
    daily_report::{self, Booked, BookedSpecialist},
    db::Db,
    report_mail, service, session, session_event,
};
use futures::future::join_all;
use jiff::civil::Date;
use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use uuid::Uuid;
use workflows::{ids::UserId, sessions::state::SessionState, time::Instant};

/// A Monday.
const DAY: &str = "2026-06-01";

fn day() -> Date {
    DAY.parse().unwrap()
}

/// A session of a client's with its events: when, and `step:status` or the key of a mail.
struct Told {
    row: session::Model,
    events: Vec<(Instant, &'static str)>,
}

fn told(
    service: &service::Model,
    client: UserId,
    status: SessionState,
    starts_at: &str,
    events: &[(&str, &'static str)],
) -> Told {
    let starts_at = at(starts_at);
    let row = session::Model {
        status,
        ..a_session(service, client, starts_at, starts_at.plus_minutes(60))
    };
    let events = events.iter().map(|(when, what)| (at(when), *what)).collect();
    Told { row, events }
}

async fn tell(db: &Db, told: Vec<Told>) {
    for Told { row, events } in told {
        let id = row.id;
        store(db, [row]).await;
        let events = events.into_iter().zip(1..).map(|((at, what), seq)| {
            let mail: Vec<_> = what.split(':').collect();
            let (step, status, key) = match mail.as_slice() {
                ["mail", kind, ..] => (format!("{kind}_mail"), "sent".to_owned(), what.to_owned()),
                [step, status] => ((*step).to_owned(), (*status).to_owned(), what.to_owned()),
                other => panic!("{other:?}"),
            };
            session_event::Model {
                session_id: id,
                seq,
                at,
                step,
                status,
                detail: None,
                key,
            }
        });
        store(db, events).await;
    }
}

/// What the test below counts by hand.
async fn a_day(db: &Db) -> [service::Model; 2] {
    let services = ["Ada", "Grace"].map(|name| {
        let specialist = a_specialist(name);
        (a_service(specialist.id), specialist)
    });
    let [ada, grace] = services.clone().map(|(service, _)| service);
    store(db, services.map(|(_, specialist)| specialist)).await;
    store(db, [ada.clone(), grace.clone()]).await;
    let (one, two, three, four) = (somebody(), somebody(), somebody(), somebody());
    use SessionState::{Cancelled, Completed, Confirmed, Expired, NoShow};
    tell(
        db,
        vec![
            // Booked on the very first instant, reminded two seconds late.
            told(
                &ada,
                one,
                Confirmed,
                "2026-06-02T10:00:00Z",
                &[
                    ("2026-06-01T00:00:00Z", "confirmation:done"),
                    ("2026-06-01T00:00:01Z", "mail:confirmation:0:client"),
                    ("2026-06-01T00:00:02Z", "mail:confirmation:0:specialist"),
                    ("2026-06-01T10:00:02Z", "mail:reminder:0:1440:client"),
                ],
            ),
            // Booked and called off.
            told(
                &ada,
                one,
                Cancelled,
                "2026-06-03T10:00:00Z",
                &[
                    ("2026-06-01T08:00:00Z", "confirmation:done"),
                    ("2026-06-01T09:00:00Z", "cancellation:done"),
                    ("2026-06-01T09:00:01Z", "mail:cancellation:0:client"),
                ],
            ),
            // Only held, and let go: no cancellation. And one that expired.
            told(
                &grace,
                two,
                Cancelled,
                "2026-06-03T12:00:00Z",
                &[
                    ("2026-06-01T08:00:00Z", "hold:started"),
                    ("2026-06-01T08:01:00Z", "cancellation:done"),
                ],
            ),
            told(
                &grace,
                two,
                Expired,
                "2026-06-03T14:00:00Z",
                &[
                    ("2026-06-01T08:00:00Z", "hold:started"),
                    ("2026-06-01T08:10:00Z", "hold:expired"),
                ],
            ),
            // Had a session before, and books again.
            told(
                &ada,
                two,
                Completed,
                "2026-05-20T12:00:00Z",
                &[
                    ("2026-05-19T12:00:00Z", "confirmation:done"),
                    ("2026-05-20T13:00:00Z", "completion:done"),
                ],
            ),
            told(
                &grace,
                two,
                Confirmed,
                "2026-06-09T12:00:00Z",
                &[("2026-06-01T23:59:59.999Z", "confirmation:done")],
            ),
            // Took place; its reminder was ten seconds late.
            told(
                &grace,
                three,
                Completed,
                "2026-06-01T12:00:00Z",
                &[
                    ("2026-05-30T12:00:00Z", "confirmation:done"),
                    ("2026-06-01T11:00:10Z", "mail:reminder:0:60:client"),
                    ("2026-06-01T13:00:00Z", "completion:done"),
                    ("2026-06-01T13:00:01Z", "mail:review_invitation:0:client"),
                ],
            ),
            // Did not come; books once more, after the day.
            told(
                &grace,
                four,
                NoShow,
                "2026-06-01T15:00:00Z",
                &[
                    ("2026-05-30T12:00:00Z", "confirmation:done"),
                    ("2026-06-01T15:10:00Z", "no_show:done"),
                ],
            ),
            told(
                &grace,
                four,
                Confirmed,
                "2026-06-12T15:00:00Z",
                &[("2026-06-02T00:00:00Z", "confirmation:done")],
            ),
            // Reminded of what has moved since: it was sent, and how late nobody knows any more.
            Told {
                row: session::Model {
                    sequence: 1,
                    ..told(&ada, three, Confirmed, "2026-06-20T10:00:00Z", &[]).row
                },
                events: vec![
                    (at("2026-05-30T00:00:00Z"), "confirmation:done"),
                    (at("2026-06-01T10:00:00Z"), "mail:reminder:0:1440:client"),
                ],
            },
        ],
    )
    .await;
    [ada, grace]
}

#[tokio::test]
async fn a_day_is_what_it_was_counted_by_hand() {
    on_both(async |db| {
        let [ada, grace] = a_day(db).await;
        let now = at("2026-06-02T06:00:00Z");
        let report = daily_report::ensure(db, day(), now).await.unwrap();
        let expected = daily_report::Model {
            date: LocalDate(day()),
            bookings: 3,
            cancellations: 1,
            no_shows: 1,
            completed: 1,
            expired_holds: 1,
            mails_sent: 7,
            reminders_sent: 3,
            reminder_lateness_max_ms: Some(10_000),
            reminder_lateness_mean_ms: Some(6_000),
            clients: 2,
            returning_clients: 1,
            specialists: Booked(vec![
                BookedSpecialist {
                    id: ada.specialist_id,
                    bookings: 2,
                },
                BookedSpecialist {
                    id: grace.specialist_id,
                    bookings: 1,
                },
            ]),
            created_at: now,
        };
        assert_eq!(report, expected);
        let empty = daily_report::ensure(db, "2026-01-01".parse().unwrap(), now)
            .await
            .unwrap();
        assert_eq!(
            (empty.bookings, empty.mails_sent, empty.reminder_lateness_max_ms),
            (0, 0, None)
        );
        assert_eq!(empty.specialists, Booked::default());
    })
    .await;
}

#[tokio::test]
async fn whoever_counts_first_is_what_everybody_finds() {
    on_both(async |db| {
        a_day(db).await;
        let times: Vec<_> = (0..6).map(|n| at("2026-06-02T06:00:00Z").plus_minutes(n)).collect();
        let counts = times.iter().map(|now| daily_report::ensure(db, day(), *now));
        let counts: Vec<_> = join_all(counts).await.into_iter().map(Result::unwrap).collect();
        assert!(counts.iter().all(|count| count == &counts[0]), "{counts:?}");
        db.writer()
            .execute_unprepared("DELETE FROM session_event")
            .await
            .unwrap();
        let later = daily_report::ensure(db, day(), at("2026-06-03T06:00:00Z"))
            .await
            .unwrap();
        assert_eq!(later, counts[0], "what has become of the day since does not matter");
    })
    .await;
}

#[tokio::test]
async fn reports_are_paged_the_newest_first_and_a_recipient_is_written_to_once() {
    on_both(async |db| {
        let date = |n: i8| Date::constant(2026, 6, n);
        for n in 1..=5 {
            daily_report::ensure(db, date(n), at("2026-06-30T00:00:00Z"))
                .await
                .unwrap();
        }
        let page = async |from, to, before| {
            let rows = daily_report::page(db.reader(), from, to, before, 2).await.unwrap();
            rows.iter().map(|row| row.date.0.day()).collect::<Vec<_>>()
        };
        assert_eq!(page(None, None, None).await, [5, 4]);
        assert_eq!(page(None, None, Some(date(4))).await, [3, 2]);
        assert_eq!(page(Some(date(2)), Some(date(3)), None).await, [3, 2]);
        assert_eq!(page(Some(date(2)), Some(date(3)), Some(date(3))).await, [2]);

        let recipient = Uuid::from_u128(1);
        for status in ["sent", "refused"] {
            let mail = report_mail::Model {
                date: LocalDate(date(1)),
                recipient,
                status: status.to_owned(),
                at: at("2026-06-02T06:00:00Z"),
            };
            let tx = db.begin_write().await.unwrap();
            report_mail::record(&tx, mail).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(
            report_mail::dealt_with(db.reader(), date(1)).await.unwrap(),
            [recipient]
        );
        assert!(report_mail::dealt_with(db.reader(), date(2)).await.unwrap().is_empty());
        let wrong = "UPDATE report_mail SET status = 'lost'";
        assert_eq!(attempt(db.writer(), wrong).await, refused_by("report_mail_status"));
        let wrong = "UPDATE daily_report SET returning_clients = 1";
        assert_eq!(attempt(db.writer(), wrong).await, refused_by("daily_report_counts"));
    })
    .await;
}

#[tokio::test]
async fn a_day_is_found_by_its_time_and_nothing_else_is_read_in_sqlite() {
    let scratch = Scratch::sqlite().await;
    let db = &scratch.db;
    for statement in statements(DbBackend::Sqlite) {
        let tx = db.begin_write().await.unwrap();
        let statement = Statement {
            sql: format!("EXPLAIN QUERY PLAN {}", statement.sql),
            ..statement
        };
        let rows = tx.query_all_raw(statement).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.try_get_by("detail").unwrap()).collect();
        let plan = lines.join("\n");
        let found = plan.contains("USING INDEX session_event_at (at>? AND at<?)") && !plan.contains("SCAN");
        assert!(found, "{plan}");
    }
}

/// What a report asks for.
pub fn statements(backend: DbBackend) -> [Statement; 6] {
    let (from, to) = (at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    [
        daily_report::steps_query(from, to).build(backend),
        daily_report::reminders_query(from, to).build(backend),
        daily_report::specialists_query(from, to).build(backend),
        daily_report::cancellations_query(from, to).build(backend),
        daily_report::clients_query(from, to).build(backend),
        daily_report::returning_query(from, to).build(backend),
    ]
}
