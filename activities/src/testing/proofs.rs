//! The two walks that every workflow passes: along each of its steps, which fails, or happens twice.
//!
//! A [`Life`] is told once as it should go, which says what its steps are and what it comes to. Then it is lived again
//! in a world of its own for each step, with that one step going wrong, through to the end of every workflow.

use super::{
    engine::try_skip,
    faults::{Fault, Step},
    histories,
    identity::IdentityService,
    meetings::MeetingService,
    wait::{PATIENCE, within},
    world::{Setup, World},
};
use crate::{outbox::message::Message, testing::database::Kind};
use entities::{
    audit, daily_insight, daily_report, follow_up, profile, report_mail, session, session_event, user, waitlist_entry,
    waitlist_offer, webhook_delivery,
};
use futures::{StreamExt, future::LocalBoxFuture, stream};
use sea_orm::EntityTrait;
use settings::Reach;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::Instant,
};
use temporalio_client::{WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowHandle};
use workflows::{
    accounts::contract as accounts,
    sessions::{state::SessionState, workflow::SessionBooking},
    waitlist::{contract as waitlist, state::EntryState},
    webhooks::contract as webhooks,
};

/// As many worlds live at the same time.
const AT_ONCE: usize = 4;

/// Steps that end in somebody else's house, who can say no for good.
const FOREIGN: [&str; 5] = [
    "sessions.create_meeting",
    "outreach.send_mails",
    "outreach.send_offer",
    "outreach.send_report",
    "accounts.delete_identity",
];

/// How often a list, what is to be told, or whether all letters are sent is looked at depends on how closely what wakes it
/// comes together, a no-show is told until it is heard, and a calendar is read whenever something has changed.
const AS_OFTEN_AS_NEEDED: [&str; 5] = [
    "waitlist.offer",
    "webhooks.next",
    "sessions.no_show",
    "busy_feeds.read",
    "accounts.letters_under_way",
];

/// A world and a meeting service.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The meeting service, which the world's worker uses if the life wants one.
    pub meetings: MeetingService,
    /// The identity provider, which the world's worker uses.
    pub identity: IdentityService,
}

/// What is lived again and again.
pub struct Life {
    /// Its name, among those of recorded histories.
    pub name: &'static str,
    /// Links are made by a service, which binds meetings to their hour, and not by the worker itself.
    pub service: bool,
    /// What happens, up to where nothing else is done; time then runs to the end by itself.
    pub live: for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, ()>,
}

/// Every step fails: our own until the workflow tries again by itself, a foreign one for good. The world is clean
/// afterwards, and where only our own failed it is as if nothing had.
///
/// # Panics
/// When it is not.
pub async fn fails_at_each_step(life: Life) {
    let (steps, expected) = lived(&life, None).await;
    let faults = steps.into_iter().map(|step| {
        let foreign = FOREIGN.contains(&step.name.as_str());
        let fault = if foreign { Fault::ForGood } else { Fault::Fails(3) };
        (step, fault)
    });
    walk(&life, faults.collect(), |fault, what, trace| {
        if fault != Fault::ForGood {
            assert_eq!(trace, expected, "{what}");
        }
    })
    .await;
}

/// Every step takes effect and is asked for once more. The world is as if that had not been.
///
/// # Panics
/// When it is not.
pub async fn repeats_each_step(life: Life) {
    let (steps, expected) = recorded(&life).await;
    let faults = steps.into_iter().map(|step| (step, Fault::Repeated));
    walk(&life, faults.collect(), |_, what, trace| {
        assert_eq!(trace, expected, "{what}")
    })
    .await;
}

async fn walk(life: &Life, faults: Vec<(Step, Fault)>, check: impl Fn(Fault, &str, String)) {
    assert!(!faults.is_empty(), "a life has steps");
    let worlds = faults.into_iter().map(async |(step, fault)| {
        let what = format!("{step} {fault:?}");
        let (_, trace) = lived(life, Some((step, fault))).await;
        (fault, what, trace)
    });
    let mut worlds = stream::iter(worlds).buffer_unordered(AT_ONCE);
    while let Some((fault, what, trace)) = worlds.next().await {
        check(fault, &what, trace);
    }
}

/// As it should go, its histories looked at.
async fn recorded(life: &Life) -> (Vec<Step>, String) {
    let (stage, steps) = to_its_end(life, None).await;
    for (id, n) in histories::look_at(&stage.world, life.name).await {
        eprintln!("{}: {n} events of {id}", life.name);
    }
    (steps, trace(&stage).await)
}

/// Its steps, and what it comes to.
async fn lived(life: &Life, fault: Option<(Step, Fault)>) -> (Vec<Step>, String) {
    let (stage, steps) = to_its_end(life, fault).await;
    (steps, trace(&stage).await)
}

async fn to_its_end(life: &Life, fault: Option<(Step, Fault)>) -> (Stage, Vec<Step>) {
    let (meetings, identity) = (MeetingService::start().await, IdentityService::start().await);
    let setup = Setup {
        meetings_url: life.service.then(|| meetings.url.clone()),
        replaces_meetings: true,
        reach: Reach::Everywhere,
        identity: Some(identity.realm.clone()),
        ..Default::default()
    };
    let stage = Stage {
        world: World::with(Kind::Postgres, setup).await,
        meetings,
        identity,
    };
    let what = fault
        .clone()
        .map_or("no fault".to_owned(), |(step, fault)| format!("{step} {fault:?}"));
    if let Some((step, fault)) = fault.clone() {
        stage.world.faults.plan(step, fault);
    }
    (life.live)(&stage).await;
    to_the_end(&stage.world, &what).await;
    clean(&stage, &what).await;
    let steps = stage.world.faults.steps();
    if let Some((step, _)) = fault.filter(|_| stage.world.faults.struck() == 0) {
        let n = steps.iter().filter(|other| other.name == step.name).count();
        assert!(
            AS_OFTEN_AS_NEEDED.contains(&step.name.as_str()) && 0 < n && n <= step.before,
            "{what} did not come to pass"
        );
    }
    (stage, steps)
}

/// Let time run until no workflow has anything left to do.
async fn to_the_end(world: &World, what: &str) {
    let mut skipped = BTreeSet::new();
    let (began, mut told) = (Instant::now(), false);
    // Whole lives of several workflows, whose steps may be tried again after pauses.
    within(4 * PATIENCE, &format!("everything ends, with {what}"), async || {
        let db = world.database.db.reader();
        // What may have a run, and whether its rows say that it is not over.
        let mut lives = BTreeMap::new();
        for row in session::Entity::find().all(db).await.unwrap() {
            lives.insert(row.workflow_id, row.closed_at.is_none());
        }
        for entry in waitlist_entry::Entity::find().all(db).await.unwrap() {
            lives.insert(waitlist::workflow_id(entry.specialist_id), false);
        }
        for leaver in leavers(world).await {
            lives.insert(accounts::workflow_id(leaver.id), false);
        }
        for row in webhook_delivery::Entity::find().all(db).await.unwrap() {
            let id = webhooks::workflow_id(row.endpoint_id, row.session_id);
            *lives.entry(id).or_default() |= row.is_open();
        }
        let mut open = Vec::new();
        for (id, unsettled) in lives {
            let run = running(world, &id).await;
            // Each run once, and not each id: a run may be begun anew.
            if let Some(run) = &run
                && !skipped.contains(run)
                && try_skip(&world.engine, &id, None).await.is_ok()
            {
                skipped.insert(run.clone());
            }
            if unsettled || run.is_some() {
                open.push(id);
            }
        }
        if !told && PATIENCE < began.elapsed() {
            for id in &open {
                eprintln!("{what}: still open is {id}: {}", histories::outline(world, id).await);
            }
            told = true;
        }
        let follow_ups = follow_up::Entity::find().one(db).await.unwrap();
        (open.is_empty() && follow_ups.is_none()).then_some(())
    })
    .await;
}

/// Whose accounts are deleted.
async fn leavers(world: &World) -> Vec<user::Model> {
    let users = user::Entity::find().all(world.database.db.reader()).await.unwrap();
    users.into_iter().filter(|user| user.deleted_at.is_some()).collect()
}

/// The run that is under way under that id.
async fn running(world: &World, workflow_id: &str) -> Option<String> {
    let run: WorkflowHandle<_, SessionBooking> = world.engine.get_workflow_handle(workflow_id);
    let described = run.describe(WorkflowDescribeOptions::default()).await.ok()?;
    let runs = described.status() == WorkflowExecutionStatus::Running;
    runs.then(|| described.run_id().to_owned())
}

/// Nothing is left behind: no meeting that no session has, no place held by nothing, no mail and no event twice.
async fn clean(stage: &Stage, what: &str) {
    let db = stage.world.database.db.reader();
    let rows = session::Entity::find().all(db).await.unwrap();
    for row in &rows {
        assert!(
            row.status != SessionState::Held,
            "{what}: {} is held by nothing",
            row.id
        );
        let events = session_event::of_session(db, row.id, 0).await.unwrap();
        let last = events.last().map(|event| event.seq);
        assert!(last <= Some(row.event_seq), "{what}: the story of {} is ahead", row.id);
        let keys: BTreeSet<_> = events.iter().map(|event| &event.key).collect();
        assert_eq!(keys.len(), events.len(), "{what}: {} has an event twice", row.id);
    }
    let kept = rows
        .iter()
        .filter(|row| row.status.blocks() && row.meeting_ref.is_some());
    assert_eq!(
        stage.meetings.n_live(),
        kept.count(),
        "{what}: {:?}",
        stage.meetings.calls()
    );
    let mails = stage.world.outbox.messages(None);
    let mut ids = BTreeSet::new();
    for mail in &mails {
        assert!(ids.insert((&mail.message_id, &mail.to)), "{what}: twice {mail:?}");
    }
    for entry in waitlist_entry::Entity::find().all(db).await.unwrap() {
        assert!(entry.status != EntryState::Offered, "{what}: an offer that never ends");
    }
    for leaver in leavers(&stage.world).await {
        let profile = profile::of(db, leaver.id).await.unwrap();
        assert!(profile.is_none(), "{what}: a deleted account has a profile");
        assert_eq!(
            leaver.erased_at.is_none(),
            stage.identity.knows(leaver.id),
            "{what}: nothing is left, here and there, or that is not on record"
        );
    }
}

/// What a life came to, in words that are the same for every world.
async fn trace(stage: &Stage) -> String {
    let db = stage.world.database.db.reader();
    let mut blocks = Vec::new();
    for row in session::Entity::find().all(db).await.unwrap() {
        let mut story: Vec<_> = session_event::of_session(db, row.id, 0).await.unwrap();
        // Mails and meetings go beside the story.
        story.sort_by_key(|event| (event.step.clone(), event.status.clone()));
        let mut block = format!(
            "session {} sequence {} version {} reschedules {} late {:?} failure {:?} meeting {}\n",
            row.status.as_str(),
            row.sequence,
            row.version,
            row.reschedules,
            row.late_cancel,
            row.failure,
            row.meeting_url.is_some(),
        );
        for event in story {
            writeln!(block, "  {} {}", event.step, event.status).unwrap();
        }
        blocks.push(block);
    }
    for mail in stage.world.outbox.messages(None) {
        blocks.push(format!("mail {}\n", in_words(&mail)));
    }
    for entry in waitlist_entry::Entity::find().all(db).await.unwrap() {
        blocks.push(format!("entry {:?}\n", entry.status));
    }
    for offer in waitlist_offer::Entity::find().all(db).await.unwrap() {
        blocks.push(format!("offer {:?}\n", offer.status));
    }
    for insight in daily_insight::Entity::find().all(db).await.unwrap() {
        blocks.push(format!(
            "insight {} {} {} {:?}\n",
            insight.date.0, insight.sign, insight.language, insight.text_id
        ));
    }
    for report in daily_report::Entity::find().all(db).await.unwrap() {
        blocks.push(format!("report {} {}\n", report.date.0, report.bookings));
    }
    for mail in report_mail::Entity::find().all(db).await.unwrap() {
        blocks.push(format!(
            "report mail {} {} {}\n",
            mail.date.0, mail.recipient, mail.status
        ));
    }
    for leaver in leavers(&stage.world).await {
        blocks.push(format!("account erased {}\n", leaver.erased_at.is_some()));
    }
    for entry in audit::Entity::find().all(db).await.unwrap() {
        blocks.push(format!("audit {} {}\n", entry.actor_role, entry.action));
    }
    for row in webhook_delivery::Entity::find().all(db).await.unwrap() {
        blocks.push(format!(
            "webhook {} attempts {} delivered {} given up {}\n",
            row.event_type,
            row.attempts,
            row.delivered_at.is_some(),
            row.gave_up_at.is_some(),
        ));
    }
    blocks.sort();
    blocks.concat()
}

fn in_words(mail: &Message) -> String {
    let id = mail.message_id.clone().unwrap_or_default();
    let kind = id
        .trim_start_matches('<')
        .split('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    let methods: Vec<_> = mail.attachments.iter().filter_map(|part| part.method.clone()).collect();
    let houses: Vec<_> = mail.to.iter().filter_map(|to| to.split('@').nth(1)).collect();
    format!("{kind} {methods:?} {houses:?}")
}
