//! Every workflow, with every step of it going wrong.

use crate::{
    busy_feeds, daily, reconciliation,
    reminders::{ahead, change_profile},
    support::{
        amend, book, book_series, booking, cancel, cancel_series, confirm, delete_account, in_days, no_show, reschedule,
    },
    waitlist, webhooks,
};
use activities::testing::{
    faults::Fault,
    people::client,
    proofs::{Life, Stage, fails_at_each_step, repeats_each_step},
    wait::until,
};
use entities::{column::OffsetsMinutes, profile, session};
use futures::FutureExt;
use sea_orm::ActiveValue::Set;
use std::time::Duration;
use uuid::Uuid;
use workflows::{
    accounts::contract::Marked,
    ids::{SessionId, TextId, UserId, WaitlistEntryId},
    series::contract::{SeriesAnswer, session_of},
    sessions::{
        contract::{Answer, Book, Role},
        state::SessionState,
    },
    waitlist::state::EntryState,
};

/// Both walks along a life: links made by a service or by the worker itself, and what happens.
macro_rules! proven {
    ($name:ident, service: $service:expr, |$stage:ident| $live:expr) => {
        mod $name {
            use super::*;

            const LIFE: Life = Life {
                name: stringify!($name),
                service: $service,
                live: |$stage| async move { $live }.boxed_local(),
            };

            #[tokio::test(flavor = "multi_thread")]
            async fn fails() {
                fails_at_each_step(LIFE).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn repeats() {
                repeats_each_step(LIFE).await;
            }
        }
    };
}

/// Somebody has a session in three days, of which they are reminded once.
async fn booked(stage: &Stage, hold: bool) -> (UserId, SessionId) {
    let world = &stage.world;
    let specialist = world.specialist().reschedules(0, None).create().await;
    let user = client(&world.database.db, &[60]).await;
    let wanted = Book {
        hold,
        ..booking(user, "a", specialist.id, in_days(3))
    };
    let session = wanted.session;
    let answer = book(world, wanted).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    (user, session)
}

/// Wait for a session's link, or for word that there will be none.
async fn until_linked(stage: &Stage, session: SessionId) {
    until("the link is there, or given up", async || {
        let row = stage.world.row(session).await.unwrap();
        let told = stage
            .world
            .timeline(session)
            .await
            .contains(&"meeting_link:failed".to_owned());
        (row.meeting_url.is_some() || row.status == SessionState::Failed || told).then_some(())
    })
    .await;
}

/// Wait for the mails of that step to so many, or for word that one does not go; of an offer's nobody hears.
async fn until_mailed(stage: &Stage, session: SessionId, step: &str, n: usize) {
    until(&format!("{n} × {step}"), async || {
        let timeline = stage.world.timeline(session).await;
        let of = |status: &str| {
            timeline
                .iter()
                .filter(|event| **event == format!("{step}:{status}"))
                .count()
        };
        let lost = step == "offer_mail" && no_offer_mail_goes(stage);
        (n <= of("sent") || 0 < of("dropped") || lost).then_some(())
    })
    .await;
}

/// Whether a mail of an offer was given up.
fn no_offer_mail_goes(stage: &Stage) -> bool {
    let faults = &stage.world.faults;
    let planned = faults.planned();
    planned.is_some_and(|(step, fault)| step.name == "outreach.send_offer" && fault == Fault::ForGood)
        && 0 < faults.struck()
}

/// Wait until the list knows that somebody was told of their offer: one that lapses before is made again.
async fn until_announced(stage: &Stage, waits: WaitlistEntryId) {
    until("the offer is announced", async || {
        let offer = waitlist::offers(&stage.world, waits).await.pop().unwrap();
        (offer.announced_at.is_some() || no_offer_mail_goes(stage)).then_some(())
    })
    .await;
}

async fn is_failed(stage: &Stage, session: SessionId) -> bool {
    stage.world.row(session).await.unwrap().status == SessionState::Failed
}

proven!(kept, service: false, |stage| {
    booked(stage, false).await;
});

proven!(moved_and_missed, service: true, |stage| {
    let (user, session) = booked(stage, false).await;
    until_linked(stage, session).await;
    if is_failed(stage, session).await {
        return;
    }
    until_mailed(stage, session, "confirmation_mail", 2).await;
    let to = in_days(4);
    reschedule(&stage.world, session, Role::Client, to).await;
    until_linked(stage, session).await;
    until_mailed(stage, session, "confirmation_mail", 4).await;
    amend(&stage.world, session, TextId(Uuid::now_v7())).await;
    let changes = profile::ActiveModel {
        reminder_offsets: Set(OffsetsMinutes(vec![30])),
        ..Default::default()
    };
    change_profile(&stage.world, user, changes).await;
    until("the session follows", async || {
        let row = stage.world.row(session).await.unwrap();
        (row.reminder_offsets.0 == [30]).then_some(())
    })
    .await;
    stage.world.skip(session, ahead(to.plus_minutes(-25))).await;
    until_mailed(stage, session, "reminder_mail", 1).await;
    // From where its clock is now; as far from ours, the session would be over.
    stage.world.skip(session, Some(Duration::from_secs(30 * 60))).await;
    until("the client can have missed it", async || {
        let answer = no_show(&stage.world, session).await;
        matches!(answer, Answer::Done(_)).then_some(())
    })
    .await;
});

proven!(held_and_called_off, service: true, |stage| {
    let (_, session) = booked(stage, true).await;
    confirm(&stage.world, session).await;
    until_linked(stage, session).await;
    if is_failed(stage, session).await {
        return;
    }
    until_mailed(stage, session, "confirmation_mail", 2).await;
    cancel(&stage.world, session, Role::Specialist).await;
});

proven!(expired, service: true, |stage| {
    booked(stage, true).await;
});

proven!(without_a_link, service: true, |stage| {
    stage.meetings.answer(Some(403));
    booked(stage, false).await;
});

proven!(in_series, service: false, |stage| {
    let world = &stage.world;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let starts = vec![in_days(3), in_days(10)];
    let (series, answer) = book_series(world, user, "a", specialist.id, starts).await;
    assert_eq!(answer, SeriesAnswer::Reserved);
    for n in 0..2 {
        until_mailed(stage, session_of(series, n), "confirmation_mail", 2).await;
    }
    cancel_series(world, series).await;
});

proven!(offered_and_accepted, service: false, |stage| {
    let world = &stage.world;
    let (specialist, start) = (waitlist::specialist(world, 1).await, waitlist::morning(3));
    let taken = waitlist::taker(world, &specialist, start).await;
    let waits = waitlist::waiter(world, &specialist, start).await;
    until_mailed(stage, taken, "confirmation_mail", 2).await;
    cancel(world, taken, Role::Client).await;
    let offer = waitlist::until_offered(world, waits).await;
    until_mailed(stage, offer.session_id, "offer_mail", 1).await;
    confirm(world, offer.session_id).await;
    waitlist::until_entry(world, waits, EntryState::Accepted).await;
});

proven!(offered_and_left, service: false, |stage| {
    let world = &stage.world;
    let (specialist, start) = (waitlist::specialist(world, 1).await, waitlist::morning(3));
    let taken = waitlist::taker(world, &specialist, start).await;
    let waits = waitlist::waiter(world, &specialist, start).await;
    until_mailed(stage, taken, "confirmation_mail", 2).await;
    cancel(world, taken, Role::Client).await;
    let offer = waitlist::until_offered(world, waits).await;
    until_mailed(stage, offer.session_id, "offer_mail", 1).await;
    waitlist::leave(world, &specialist, &waitlist::entry(world, waits).await).await;
    // The session is told by the list, not by its own timer.
    until("what was offered is over", async || {
        world.row(offer.session_id).await.unwrap().closed_at
    })
    .await;
});

proven!(offered_and_lapsed, service: false, |stage| {
    let world = &stage.world;
    let (specialist, start) = (waitlist::specialist(world, 1).await, waitlist::morning(3));
    let taken = waitlist::taker(world, &specialist, start).await;
    let first = waitlist::waiter(world, &specialist, start).await;
    let second = waitlist::waiter(world, &specialist, start).await;
    until_mailed(stage, taken, "confirmation_mail", 2).await;
    cancel(world, taken, Role::Client).await;
    for waits in [first, second] {
        let offer = waitlist::until_offered(world, waits).await;
        until_announced(stage, waits).await;
        world.skip(offer.session_id, None).await;
        waitlist::until_entry(world, waits, EntryState::Waiting).await;
    }
});

proven!(busy_and_left, service: false, |stage| {
    let world = &stage.world;
    let calendar = busy_feeds::calendar_at(in_days(3)).await;
    let specialist = world.specialist().create().await;
    let feed = busy_feeds::give(world, specialist.id, &[calendar.url("/secret-calendar.ics")]).await[0];
    busy_feeds::until_read(world, feed, 1).await;
    busy_feeds::give(world, specialist.id, &[]).await;
    busy_feeds::until_ended(world, feed).await;
    if world.faults.planned().is_none() {
        busy_feeds::look_at(world, feed, "busy_and_left").await;
    }
});

proven!(prepared, service: false, |stage| {
    daily::library(&stage.world).await;
    daily::prepare(&stage.world).await.ok();
});

proven!(reported, service: false, |stage| {
    daily::report(&stage.world, None).await.ok();
});

proven!(lost_and_taken_over, service: true, |stage| {
    let (_, session) = booked(stage, false).await;
    until_linked(stage, session).await;
    if is_failed(stage, session).await {
        return;
    }
    until_mailed(stage, session, "confirmation_mail", 2).await;
    reconciliation::lose(&stage.world, session).await;
    reconciliation::reconcile(&stage.world, 0).await;
    if stage.world.faults.planned().is_none() {
        reconciliation::look_at(&stage.world, "lost_and_taken_over").await;
    }
});

proven!(left, service: true, |stage| {
    let (user, session) = booked(stage, false).await;
    let world = &stage.world;
    stage.identity.add(user);
    until_linked(stage, session).await;
    if !is_failed(stage, session).await {
        until_mailed(stage, session, "confirmation_mail", 2).await;
    }
    let specialist = waitlist::specialist(world, 1).await;
    waitlist::taker(world, &specialist, waitlist::morning(3)).await;
    waitlist::waiter_is(world, &specialist, waitlist::morning(3), user).await;
    assert_eq!(delete_account(world, user).await, Marked::Done);
    until("what was called off has been told", async || {
        let rows = session::unclosed_of_client(world.database.db.reader(), user).await.unwrap();
        rows.is_empty().then_some(())
    })
    .await;
    until("who they were is erased", async || {
        let profile = profile::of(world.database.db.reader(), user).await.unwrap();
        profile.is_none().then_some(())
    })
    .await;
});

proven!(told_by_webhook, service: false, |stage| {
    let receiver = webhooks::receiver(200).await;
    let endpoint = webhooks::endpoint(&stage.world, receiver).await;
    let (_, session) = booked(stage, false).await;
    until_mailed(stage, session, "confirmation_mail", 2).await;
    cancel(&stage.world, session, Role::Client).await;
    webhooks::until_done(&stage.world, endpoint, 2).await;
});

proven!(webhook_gone, service: false, |stage| {
    let receiver = webhooks::receiver(410).await;
    let endpoint = webhooks::endpoint(&stage.world, receiver).await;
    booked(stage, false).await;
    webhooks::until_done(&stage.world, endpoint, 1).await;
});
