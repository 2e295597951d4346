//! The auditor finds what does not agree: a good world passes, and each thing that is spoilt is named.

use crate::support::{booking, cancel, confirm, in_days, no_show, reschedule};
use activities::testing::{
    auditor::{Auditor, Report},
    database::Kind,
    meetings::MeetingService,
    people::{TestSpecialist, client},
    wait::until,
    world::{Setup, World},
};
use entities::{follow_up, session, waitlist_entry, waitlist_offer};
use jiff::Timestamp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use std::time::Duration;
use temporalio_client::{WorkflowIdConflictPolicy, WorkflowTerminateOptions, WorkflowUpdateWithStartOptions};
use uuid::Uuid;
use workflows::{
    ids::{FollowUpId, OfferId, SeatGroup, SessionId, WaitlistEntryId},
    sessions::{
        contract::{Answer, Asked, Role, workflow_id},
        state::SessionState,
        workflow::{SessionBooking, attributes},
    },
    time::Instant,
    waitlist::state::{EntryState, OfferState},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Book with what operators see, as the HTTP layer does.
pub async fn booked(world: &World, specialist: &TestSpecialist, start: Instant, hold: bool) -> SessionId {
    let user = client(&world.database.db, &[1440, 60]).await;
    let mut wanted = booking(user, "k", specialist.id, start);
    wanted.hold = hold;
    let session = wanted.session;
    let asked = Asked {
        request_hash: wanted.request_hash.clone(),
    };
    let options = WorkflowUpdateWithStartOptions::new(
        &world.queue,
        workflow_id(session),
        WorkflowIdConflictPolicy::UseExisting,
    )
    .search_attributes(attributes(&wanted))
    .build();
    let answer = world
        .engine
        .execute_update_with_start_workflow(SessionBooking::run, wanted, SessionBooking::book, asked, options)
        .await
        .unwrap();
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    session
}

/// A session of each state but `failed`, some of them moved.
async fn lives(world: &World, specialist: &TestSpecialist) -> Vec<SessionId> {
    let start = in_days(3);
    let at = |n: i64| start.plus_minutes(n * 120);
    let mut sessions = Vec::new();
    for n in 0..9 {
        sessions.push(booked(world, specialist, at(n), n >= 6).await);
    }
    cancel(world, sessions[0], Role::Specialist).await;
    reschedule(world, sessions[1], Role::Client, at(20)).await;
    world.skip(sessions[2], None).await;
    world.until_event(sessions[2], "closed:done", 1).await;
    let ahead = Instant::new(Timestamp::now()).until(at(3).plus_minutes(10));
    world.skip(sessions[3], Some(ahead)).await;
    world.until_event(sessions[3], "reminder_mail:sent", 2).await;
    until("the client did not come", async || {
        let said = no_show(world, sessions[3]).await;
        matches!(said, Answer::Done(_)).then_some(())
    })
    .await;
    confirm(world, sessions[6]).await;
    world.skip(sessions[7], None).await;
    world.until_status(sessions[7], SessionState::Expired).await;
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agrees_passes_on_both_databases() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        lives(&world, &specialist).await;
        let report = Auditor::new(&world).settled(PATIENCE).await;
        report.assert_clean();
        let counted: Vec<_> = report.sessions.iter().map(|(state, n)| (*state, *n)).collect();
        assert_eq!(
            counted,
            [
                ("cancelled", 1),
                ("completed", 1),
                ("confirmed", 4),
                ("expired", 1),
                ("held", 1),
                ("no_show", 1)
            ]
        );
        assert_eq!(report.n_running, 5, "{report}");
        assert_eq!(report.mails.get("rescheduled"), Some(&2), "{report}");
        assert_eq!(report.n_calendar_entries, 12, "{report}");
    }
}

async fn run(world: &World, sql: &str) {
    let tx = world.database.db.begin_write().await.unwrap();
    let done = tx.execute_unprepared(sql).await.unwrap();
    assert!(sql.starts_with("ALTER") || done.rows_affected() > 0, "{sql}");
    tx.commit().await.unwrap();
}

/// Findings about `what`, each of which must be there.
fn assert_found(report: &Report, what: impl ToString, words: &[&str]) {
    let what = what.to_string();
    for words in words {
        let found = report
            .findings
            .iter()
            .any(|finding| finding.contains(words) && finding.contains(&what));
        assert!(found, "nothing about {what} says `{words}`: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoilt_is_found() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let sessions = lives(&world, &specialist).await;
    let auditor = Auditor::new(&world);
    auditor.settled(PATIENCE).await.assert_clean();

    let id = sessions[0];
    run(
        &world,
        &format!("DELETE FROM session_event WHERE session_id = '{id}' AND key = 'mail:cancellation:1:client'"),
    )
    .await;
    let report = auditor.look().await;
    let lost = ["has counted", "its client was not told", "no event tells of it"];
    assert_found(&report, id, &lost);

    let id = sessions[1];
    run(
        &world,
        &format!("UPDATE session SET status = 'no_show' WHERE id = '{id}'"),
    )
    .await;
    let report = auditor.look().await;
    let contradicted = ["its workflow says", "operators see", "its timeline does not say so"];
    assert_found(&report, id, &contradicted);

    let id = sessions[2];
    run(
        &world,
        &format!("UPDATE session SET closed_at = NULL WHERE id = '{id}'"),
    )
    .await;
    assert_found(
        &auditor.look().await,
        id,
        &["its workflow has ended", "disagree on its close"],
    );

    // The schema would not let what follows in.
    for constraint in [
        "session_specialist_overlap",
        "session_client_overlap",
        "session_buffers",
    ] {
        run(&world, &format!("ALTER TABLE session DROP CONSTRAINT {constraint}")).await;
    }
    let double = SessionId(Uuid::new_v4());
    let row = world.row(sessions[4]).await.unwrap();
    let tx = world.database.db.begin_write().await.unwrap();
    let twin = session::Model {
        id: double,
        workflow_id: workflow_id(double),
        seat_group: SeatGroup(double.0),
        seat: 2,
        ..row
    };
    session::insert(&tx, twin).await.unwrap();
    tx.commit().await.unwrap();
    let report = auditor.look().await;
    let alone = [
        "blocks its slot, and has no workflow",
        "of one specialist overlap",
        "of one client overlap",
        "has seat 2",
        "0 changes on record",
        "nothing tells that",
        "the calendar of its client",
    ];
    assert_found(&report, double, &alone);

    let id = sessions[5];
    let moved = "starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'";
    run(&world, &format!("UPDATE session SET {moved} WHERE id = '{id}'")).await;
    let report = auditor.look().await;
    let elsewhere = [
        "the calendar of its client",
        "the calendar of its specialist",
        "does not block its time",
    ];
    assert_found(&report, id, &elsewhere);

    let id = sessions[6];
    let run_of = world.engine.get_workflow_handle::<SessionBooking>(workflow_id(id));
    run_of.terminate(WorkflowTerminateOptions::default()).await.unwrap();
    let report = auditor.look().await;
    assert_found(
        &report,
        id,
        &["confirmed and blocks its slot, and its workflow has ended"],
    );

    let id = sessions[8];
    run(&world, &format!("DELETE FROM session_event WHERE session_id = '{id}'")).await;
    run(&world, &format!("DELETE FROM session WHERE id = '{id}'")).await;
    assert_found(&auditor.look().await, id, &["there is no open session of that id"]);

    let mail = world.outbox.messages(Some(&specialist.email)).remove(0);
    let sender = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(world.outbox.smtp_addr().port())
        .build();
    let envelope = Envelope::new(
        Some("a@aroti.test".parse().unwrap()),
        vec![specialist.email.parse().unwrap()],
    );
    sender.send_raw(&envelope.unwrap(), mail.raw.as_bytes()).await.unwrap();
    let message_id = mail.message_id.unwrap();
    let (message_id, _) = message_id[1..].split_once('@').unwrap();
    assert_found(&auditor.look().await, message_id, &["came 2 times"]);

    spoil_the_waitlist(&world, &specialist, sessions[0]).await;

    // As if a worker had it for another hour.
    let tx = world.database.db.begin_write().await.unwrap();
    let now = Instant::new(Timestamp::now());
    let work = follow_up::ActiveModel {
        id: Set(FollowUpId(Uuid::now_v7())),
        work: Set(follow_up::Work::SlotFreed {
            specialist: specialist.id,
        }),
        created_at: Set(now),
        taken_until: Set(Some(now.plus_minutes(60))),
        attempts: Set(1),
    };
    follow_up::Entity::insert(work)
        .exec_without_returning(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_found(&auditor.look().await, specialist.id, &["nobody has done the follow-up"]);
}

/// Somebody waits whom nobody serves, and somebody is offered a session that was cancelled.
async fn spoil_the_waitlist(world: &World, specialist: &TestSpecialist, cancelled: SessionId) {
    let row = world.row(cancelled).await.unwrap();
    let now = Instant::new(Timestamp::now());
    let entry = |place, client_id, status| waitlist_entry::Model {
        id: WaitlistEntryId(Uuid::now_v7()),
        specialist_id: specialist.id,
        client_id,
        service_id: specialist.service,
        place,
        from_at: row.starts_at,
        to_at: row.ends_at,
        earliest_minute: None,
        latest_minute: None,
        time_zone: "UTC".to_owned(),
        named_zone: None,
        status,
        created_at: now,
        updated_at: now,
    };
    let waiting = entry(1, client(&world.database.db, &[]).await, EntryState::Waiting);
    let offered = entry(2, row.client_id, EntryState::Offered);
    let offer = waitlist_offer::Model {
        id: OfferId(Uuid::now_v7()),
        entry_id: offered.id,
        specialist_id: specialist.id,
        session_id: row.id,
        starts_at: row.starts_at,
        expires_at: now.plus_minutes(60),
        status: OfferState::Offered,
        created_at: now,
        announced_at: None,
        ended_at: None,
    };
    let id = offer.id;
    let tx = world.database.db.begin_write().await.unwrap();
    waitlist_entry::insert(&tx, waiting).await.unwrap();
    waitlist_entry::insert(&tx, offered).await.unwrap();
    waitlist_offer::insert(&tx, offer).await.unwrap();
    tx.commit().await.unwrap();
    let report = Auditor::new(world).look().await;
    assert_found(&report, specialist.id, &["somebody waits, and waitlist-"]);
    assert_found(&report, id, &["is open until", "nobody was told of"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meeting_service_is_compared_as_well() {
    let service = MeetingService::start().await;
    let setup = Setup {
        meetings_url: Some(service.url.clone()),
        ..Default::default()
    };
    let world = World::with(Kind::Postgres, setup).await;
    let specialist = world.specialist().create().await;
    let mut sessions = Vec::new();
    for n in 0..3 {
        sessions.push(booked(&world, &specialist, in_days(3).plus_minutes(n * 120), n == 2).await);
    }
    for session in &sessions[..2] {
        world.until_status(*session, SessionState::Confirmed).await;
    }
    reschedule(&world, sessions[0], Role::Client, in_days(5)).await;
    cancel(&world, sessions[1], Role::Client).await;
    let auditor = Auditor::new(&world).meetings(&service);
    auditor.settled(PATIENCE).await.assert_clean();

    let reference = world.row(sessions[0]).await.unwrap().meeting_ref.unwrap();
    let address = format!("{}/meetings/{reference}", service.url);
    let removed = reqwest::Client::new().delete(address).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    let report = auditor.look().await;
    assert_found(&report, sessions[0], &["the meeting of session"]);
    assert_found(&report, "the service has 0 meetings, the sessions 1", &[""]);
}
