//! Reminders: exactly those that should go, each once; every other one with its reason in the timeline.

use crate::support::{book, booking, cancel, in_days, reschedule};
use activities::testing::{
    database::Kind,
    people::{client, email_of},
    wait::until,
    world::World,
};
use entities::{column::OffsetsMinutes, profile, session_event};
use jiff::{Span, Timestamp, tz::TimeZone};
use sea_orm::ActiveValue::Set;
use std::time::Duration;
use workflows::{
    ids::{SessionId, UserId},
    sessions::{
        contract::{Answer, Role},
        rules::reminder_at,
        state::SessionState,
    },
    time::Instant,
};

/// What the timeline says of reminders: which, and what became of them.
async fn reminders(world: &World, session: SessionId) -> Vec<String> {
    let events = session_event::of_session(world.database.db.reader(), session, 0)
        .await
        .unwrap();
    let of_reminders = events.into_iter().filter(|event| event.key.contains("reminder"));
    of_reminders.map(|event| event.key).collect()
}

pub fn ahead(at: Instant) -> Option<Duration> {
    Some(Instant::new(Timestamp::now()).until(at))
}

async fn to_the_end(world: &World, session: SessionId) {
    world.skip(session, None).await;
    world.until_event(session, "review_invitation_mail:sent", 1).await;
}

/// Each was sent in the minute in which it was due.
async fn in_time(world: &World, session: SessionId, due: &[Instant]) {
    let sent = world.times(session, "reminder_mail:sent").await;
    assert_eq!(sent.len(), due.len(), "{sent:?} {due:?}");
    for (sent, due) in sent.iter().zip(due) {
        assert!(due <= sent && *sent < due.plus_minutes(1), "due {due}, sent {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_move_with_their_session_earlier_and_later() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        for (n, new) in [(0, in_days(3)), (1, in_days(9))] {
            let user = client(&world.database.db, &[1440, 60]).await;
            let wanted = booking(user, "a", specialist.id, in_days(6).plus_minutes(n * 60));
            let (session, new) = (wanted.session, new.plus_minutes(n * 60));
            book(&world, wanted).await;
            assert!(matches!(
                reschedule(&world, session, Role::Client, new).await,
                Answer::Done(_)
            ));
            to_the_end(&world, session).await;
            in_time(&world, session, &[reminder_at(new, 1440), reminder_at(new, 60)]).await;
            let keys = reminders(&world, session).await;
            assert!(
                keys.iter().all(|key| key.starts_with("mail:reminder:1:")),
                "of the new time alone: {keys:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_went_goes_again_for_the_new_time_and_one_whose_hour_is_past_is_skipped() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[1440, 60]).await;
    let start = in_days(3);
    let wanted = booking(user, "a", specialist.id, start);
    let session = wanted.session;
    book(&world, wanted).await;
    world.skip(session, ahead(start.plus_minutes(-1200))).await;
    world.until_event(session, "reminder_mail:sent", 1).await;
    // Twenty hours before the start; twelve hours before the new one: a day before it is past.
    let sooner = start.plus_minutes(-480);
    assert!(matches!(
        reschedule(&world, session, Role::Specialist, sooner).await,
        Answer::Done(_)
    ));
    let later = start.plus_minutes(3 * 1440);
    assert!(matches!(
        reschedule(&world, session, Role::Specialist, later).await,
        Answer::Done(_)
    ));
    to_the_end(&world, session).await;
    in_time(
        &world,
        session,
        &[
            reminder_at(start, 1440),
            reminder_at(later, 1440),
            reminder_at(later, 60),
        ],
    )
    .await;
    let keys = reminders(&world, session).await;
    assert!(keys.contains(&"reminder:1440:1:skipped".to_owned()), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_told_in_elapsed_time_across_a_change_of_the_clocks() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world
        .specialist()
        .zone("Europe/Berlin")
        .open("09:00-17:00")
        .create()
        .await;
    let user = client(&world.database.db, &[1440]).await;
    // On the Sunday of the next change, and at the same hour of the day before.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let change = berlin.following(Timestamp::now() + Span::new().hours(7 * 24)).next();
    let date = berlin.to_datetime(change.unwrap().timestamp()).date();
    let [saturday, sunday] = [date.yesterday().unwrap(), date].map(|date| {
        let nine = date.at(9, 0, 0, 0).to_zoned(berlin.clone()).unwrap();
        Instant::new(nine.timestamp())
    });
    let wanted = booking(user, "a", specialist.id, saturday);
    let session = wanted.session;
    book(&world, wanted).await;
    let moved = reschedule(&world, session, Role::Client, sunday).await;
    assert!(matches!(moved, Answer::Done(_)), "{moved:?}");
    to_the_end(&world, session).await;
    let due = sunday.plus_minutes(-1440);
    assert_ne!(due, saturday, "a day of the wall clock has another length");
    in_time(&world, session, &[due]).await;
    let mail = world
        .mail(&email_of(user), |mail| mail.raw.contains("<reminder."))
        .await;
    let text = mail.text.unwrap();
    assert!(
        text.contains("09:00") && text.contains("Europe/Berlin"),
        "nine on the wall: {text}"
    );
}

pub async fn change_profile(world: &World, user: UserId, changes: profile::ActiveModel) {
    let tx = world.database.db.begin_write().await.unwrap();
    let now = entities::db::now(&tx).await.unwrap();
    profile::change(&tx, user, changes, now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_profile_reaches_every_open_session() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        let user = client(&world.database.db, &[1440, 60]).await;
        let mut sessions = Vec::new();
        for n in 0..3 {
            let wanted = booking(user, &format!("k{n}"), specialist.id, in_days(4 + n));
            sessions.push(wanted.session);
            book(&world, wanted).await;
        }
        cancel(&world, sessions[2], Role::Client).await;
        // The first has had its first reminder; what is new and past is skipped, what is gone goes no more.
        world.skip(sessions[0], ahead(in_days(4).plus_minutes(-1380))).await;
        world.until_event(sessions[0], "reminder_mail:sent", 1).await;
        let changes = profile::ActiveModel {
            reminder_offsets: Set(OffsetsMinutes(vec![2880, 1440, 30])),
            time_zone: Set("Asia/Kathmandu".to_owned()),
            locale: Set("de".to_owned()),
            ..Default::default()
        };
        change_profile(&world, user, changes).await;
        for session in &sessions[..2] {
            until("the session follows", async || {
                let row = world.row(*session).await.unwrap();
                (row.reminder_offsets.0 == [2880, 1440, 30] && row.time_zone == "Asia/Kathmandu").then_some(())
            })
            .await;
        }
        let cancelled = world.row(sessions[2]).await.unwrap();
        assert_eq!(cancelled.reminder_offsets.0, [1440, 60], "what is over stays as it was");
        to_the_end(&world, sessions[0]).await;
        let start = in_days(4);
        in_time(&world, sessions[0], &[reminder_at(start, 1440), reminder_at(start, 30)]).await;
        let keys = reminders(&world, sessions[0]).await;
        assert!(keys.contains(&"reminder:2880:0:skipped".to_owned()), "{keys:?}");
        assert!(
            !keys.contains(&"reminder:1440:0:skipped".to_owned()),
            "it went: {keys:?}"
        );
        to_the_end(&world, sessions[1]).await;
        let start = in_days(5);
        let due = [2880, 1440, 30].map(|offset| reminder_at(start, offset));
        in_time(&world, sessions[1], &due).await;
        let mail = world
            .mail(&email_of(user), |mail| {
                mail.raw.contains("<reminder.0.30") && mail.raw.contains(&sessions[1].to_string())
            })
            .await;
        let text = mail.text.unwrap();
        assert!(text.contains("Asia/Kathmandu"), "in the new zone: {text}");
        assert!(
            mail.subject.as_deref().unwrap_or_default().contains("Erinnerung"),
            "in the new language: {:?}",
            mail.subject
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_one_is_being_sent_ends_it() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[1440]).await;
    let start = in_days(3);
    let wanted = booking(user, "a", specialist.id, start);
    let session = wanted.session;
    book(&world, wanted).await;
    world.until_event(session, "confirmation_mail:sent", 2).await;
    world.outbox.fail(451, 1_000_000);
    world.skip(session, ahead(reminder_at(start, 1430))).await;
    world.until_event(session, "reminder_mail:started", 1).await;
    let Answer::Done(standing) = cancel(&world, session, Role::Specialist).await else {
        panic!("refused")
    };
    assert_eq!(standing.status, SessionState::Cancelled);
    // An attempt that had begun before the cancel may still end well, so the server is no better until none is left.
    world.until_event(session, "reminder_mail:dropped", 1).await;
    world.outbox.fail(451, 0);
    world.until_event(session, "cancellation_mail:sent", 2).await;
    until("the run closes", async || world.row(session).await.unwrap().closed_at).await;
    let mails = world.outbox.messages(Some(&email_of(user)));
    assert!(
        !mails.iter().any(|mail| mail.raw.contains("<reminder.")),
        "none arrives after the cancel"
    );
}
