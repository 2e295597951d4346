//! The workflow of a session: from the reservation until nothing can happen to it any more.
//!
//! [`SessionBooking::run`] reads as the story. Beside it run the errands: mails, and meetings to be removed, so that a
//! dead mail server holds up nothing else. Commands arrive as updates and take their turn, one at a time. Whatever a
//! step or a command answers is taken over by `stands`, which also does what follows from it.
//!
//! # Flows
//! `1`: reserve (with a built-in link) → link by a provider → mails → reminders → completion → close.
//! `2`: the same, and the end is put on record by a last step.
//! `3`: the same, and update `book` no longer answers how the session stands.
//! A branch may go one release after the last run that began with it has closed.
//!
//! # Undo
//! Each step's undo is in place before the step starts: a reservation whose link cannot be made ends in
//! [`SessionSteps::fail`], a hold that nobody confirms in [`SessionSteps::expire`], and a meeting asked for is removed
//! whenever the session does not come to be, ends early or moves to another one.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    commands::{self, Turn},
    contract::{
        Amend, Answer, Asked, Book, Booked, Cancel, Confirm, ConfirmHold, Entry, Fail, NoShow, OfSession,
        ProfileChanged, Progress, Reschedule, Reserve, Role, Standing,
    },
    errands::{self, Errand},
    error::SessionError,
    rules::{self, Milestone},
    standing::stands,
    state::SessionState,
    steps::{self, SessionSteps},
};
use crate::{
    patience::{Breakable, detached, now, persist},
    time::Instant,
};
use futures::future::{FusedFuture, FutureExt};
use std::{collections::VecDeque, time::Duration};
use temporalio_common::{
    error::ApplicationFailure,
    search_attributes::{SearchAttributeKey, SearchAttributes, Timestamp},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, TimerOptions, WorkflowCancellationError, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, join, select,
};

/// Search attribute: the specialist's id.
pub const SPECIALIST: SearchAttributeKey<String> = SearchAttributeKey::keyword("SpecialistId");
/// Search attribute: the client's id.
pub const CLIENT: SearchAttributeKey<String> = SearchAttributeKey::keyword("ClientId");
/// Search attribute: the session's state, or `refused`.
pub const STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword("SessionStatus");
/// Search attribute: the session's start.
pub const STARTS_AT: SearchAttributeKey<Timestamp> = SearchAttributeKey::datetime("StartsAt");

/// The search attributes that a session's workflow starts with. Ids only: they are shown to operators, and are not
/// encrypted.
#[must_use]
pub fn attributes(book: &Book) -> SearchAttributes {
    SearchAttributes::new([
        SPECIALIST.value_set(book.specialist.to_string()),
        CLIENT.value_set(book.client.to_string()),
        STATUS.value_set(SessionState::Held.as_str().to_owned()),
        STARTS_AT.value_set(searchable(book.starts_at)),
    ])
}

/// One line for operators.
#[must_use]
pub fn summary(book: &Book) -> String {
    format!("session at {} with specialist {}", book.starts_at, book.specialist)
}

/// An instant as search attributes have it.
pub(super) fn searchable(at: Instant) -> Timestamp {
    let at = at.timestamp();
    Timestamp::new(at.as_second(), at.subsec_nanosecond())
}

/// Events after which a waiting run continues as new: what is under way then ends before there are 1,000.
const LONG_HISTORY: u32 = 800;

/// One booked session.
#[workflow]
pub struct SessionBooking {
    pub(super) book: Book,
    /// What became of the reservation, once decided.
    pub(super) answer: Option<Answer>,
    /// How the session stands, once reserved.
    pub(super) standing: Option<Standing>,
    /// Reminders not yet dealt with, in minutes before the start, in the order they fall due.
    pub(super) reminders: Vec<u32>,
    /// Turns taken and turns over: one command or transition at a time, in the order of their arrival.
    pub(super) turns_taken: u32,
    pub(super) turns_over: u32,
    /// What is to be done beside the story, and how much of it is being done.
    pub(super) errands: VecDeque<Errand>,
    pub(super) errands_under_way: usize,
    /// A provider is being asked for the link: what it may yet make is not removed before it has answered.
    pub(super) linking: bool,
    /// Meetings that the session has left.
    pub(super) left: Vec<String>,
    /// The story is over: no more errands will be asked for.
    pub(super) told: bool,
    /// The code of a failure that no attempt can mend: the run ends.
    broken: Option<String>,
    waiting_for: Option<&'static str>,
    next_timer_at: Option<Instant>,
    timeline: Vec<Entry>,
}

#[workflow_methods]
impl SessionBooking {
    /// A run that has yet to reserve.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, book: Book) -> Self {
        Self {
            book,
            answer: None,
            standing: None,
            reminders: Vec::new(),
            turns_taken: 0,
            turns_over: 0,
            errands: VecDeque::new(),
            errands_under_way: 0,
            linking: false,
            left: Vec::new(),
            told: false,
            broken: None,
            waiting_for: Some("reservation"),
            next_timer_at: None,
            timeline: Vec::new(),
        }
    }

    /// The life of the session; answers the state it ended in, or nothing when it was refused.
    #[run(name = "session_booking")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Option<SessionState>> {
        let whole = async {
            let (ending, (), ()) = join!(story(ctx), errands::run(ctx), operator(ctx));
            waits(ctx, None, None);
            until(ctx, |_| ctx.all_handlers_finished()).await.ok();
            // A command that was under way when the story ended may have asked for more.
            while ctx.state(|s| !s.errands.is_empty()) {
                errands::run(ctx).await;
                until(ctx, |_| ctx.all_handlers_finished()).await.ok();
            }
            if ending == Ending::Over && ctx.state(|s| s.book.flow >= 2 && s.standing.is_some()) {
                close(ctx).await;
                until(ctx, |_| ctx.all_handlers_finished()).await.ok();
            }
            ending
        };
        let ending = select! {
            ending = whole.fuse() => ending,
            _ = until(ctx, |s| s.broken.is_some()) => Ending::Broken,
        };
        if let Some(code) = ctx.state(|s| s.broken.clone()) {
            ctx.set_current_details(format!("**broken**: {code}"));
            let failure = ApplicationFailure::builder(std::io::Error::other(code.clone()));
            return Err(failure.type_name(code).non_retryable(true).build().into());
        }
        if ending == Ending::TooLong {
            // The reserving step of the next run finds the row and goes on from how it stands.
            ctx.continue_as_new(ctx.state(|s| s.book.clone()), ContinueAsNewOptions::default())?;
        }
        Ok(ctx.state(|s| s.standing.as_ref().map(|standing| standing.status)))
    }

    /// Wait for the reservation's outcome; refused to a caller who means another request by this key.
    #[update(name = "book")]
    pub async fn book(ctx: &mut WorkflowContext<Self>, asked: Asked) -> Booked {
        if ctx.state(|s| s.book.request_hash != asked.request_hash) {
            return Answer::Refused(SessionError::IdempotencyKeyReused);
        }
        until(ctx, |s| s.answer.is_some()).await.ok();
        let (answer, flow) = ctx.state(|s| (s.answer.clone(), s.book.flow));
        let answer = answer.unwrap_or(Answer::Refused(SessionError::Lapsed));
        answer.map(|standing| (flow < 3).then_some(standing))
    }

    /// The client wants what is held.
    #[update(name = "confirm")]
    pub async fn confirm(ctx: &mut WorkflowContext<Self>, command: ConfirmHold) -> Answer {
        commands::confirm(ctx, command).await
    }

    /// Move the session to another start and, with it, change the notes.
    #[update(name = "reschedule")]
    pub async fn reschedule(ctx: &mut WorkflowContext<Self>, command: Reschedule) -> Answer {
        commands::reschedule(ctx, command).await
    }

    /// Change the notes.
    #[update(name = "amend")]
    pub async fn amend(ctx: &mut WorkflowContext<Self>, command: Amend) -> Answer {
        commands::amend(ctx, command).await
    }

    /// Call the session off.
    #[update(name = "cancel")]
    pub async fn cancel(ctx: &mut WorkflowContext<Self>, command: Cancel) -> Answer {
        commands::cancel(ctx, command).await
    }

    /// The client did not come.
    #[update(name = "no_show")]
    pub async fn no_show(ctx: &mut WorkflowContext<Self>, command: NoShow) -> Answer {
        commands::no_show(ctx, command).await
    }

    /// The client's profile says something else now about reminders or the zone.
    #[signal(name = "profile_changed")]
    pub async fn profile_changed(ctx: &mut WorkflowContext<Self>, change: ProfileChanged) {
        commands::take_over_profile(ctx, change).await;
    }

    /// The run as it stands.
    #[query(name = "state")]
    pub fn state(&self, _ctx: &WorkflowContextView) -> Progress {
        Progress {
            status: self.standing.as_ref().map(|standing| standing.status),
            waiting_for: self.waiting_for.map(str::to_owned),
            next_timer_at: self.next_timer_at,
            timeline: self.timeline.clone(),
        }
    }

    /// What has happened, oldest first.
    #[query(name = "timeline")]
    pub fn timeline(&self, _ctx: &WorkflowContextView) -> Vec<Entry> {
        self.timeline.clone()
    }
}

impl Breakable for SessionBooking {
    fn breaks(&mut self, code: String) {
        self.broken = Some(code);
    }
}

/// A context of this workflow.
pub(super) type Context = WorkflowContext<SessionBooking>;

/// How the story ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing can happen to the session any more.
    Over,
    /// The history has grown long: a fresh run takes over.
    TooLong,
    /// A step cannot be done, ever.
    Broken,
}

async fn story(ctx: &Context) -> Ending {
    let ending = if reserve(ctx).await {
        live(ctx).await
    } else {
        Ending::Over
    };
    ctx.state_mut(|s| s.told = true);
    ending
}

/// Take the slot; whether it was taken.
async fn reserve(ctx: &Context) -> bool {
    let book = ctx.state(|s| s.book.clone());
    let answer = persist(ctx, |now| {
        let input = Reserve {
            book: book.clone(),
            now,
        };
        ctx.execute_local_activity(SessionSteps::reserve, input, steps::local("judge and reserve the slot"))
    })
    .await;
    let reserved = match &answer {
        Answer::Done(standing) => {
            note(ctx, "reservation", "done", None);
            stands(ctx, standing.clone());
            true
        }
        Answer::Refused(refusal) => {
            note(ctx, "reservation", "refused", Some(refusal.code().to_owned()));
            ctx.upsert_search_attributes([STATUS.value_set("refused".to_owned())]);
            ctx.set_current_details(format!("**refused**: {}", refusal.code()));
            false
        }
    };
    ctx.state_mut(|s| s.answer = Some(answer));
    reserved
}

/// What ends a wait.
enum Event {
    /// The milestone's hour has come.
    Due,
    /// A command has changed how the session stands, or the history has grown long.
    Changed,
}

/// The link, the hold's end, reminders, completion and the days in which a no-show can be said.
async fn live(ctx: &Context) -> Ending {
    loop {
        let Some(standing) = ctx.state(|s| s.standing.clone()) else {
            return Ending::Over;
        };
        if standing.link_pending {
            make_link(ctx, &standing).await;
            continue;
        }
        let Some((milestone, due)) = ctx.state(|s| rules::next_milestone(&standing, &s.reminders)) else {
            return Ending::Over;
        };
        if is_long(ctx) {
            return Ending::TooLong;
        }
        waits(ctx, Some(milestone.as_str()), Some(due));
        let token = WorkflowCancellationToken::new();
        let timer = TimerOptions::builder(now(ctx).until(due))
            .summary(format!("{} at {due}", milestone.as_str()))
            .cancellation_token(token.clone())
            .build();
        let event = select! {
            _ = until(ctx, |s| s.standing.as_ref() != Some(&standing) || is_long(ctx)) => Event::Changed,
            _ = ctx.timer(timer) => Event::Due,
        };
        match event {
            Event::Due if milestone == Milestone::Close => return Ending::Over,
            Event::Due => pass(ctx, milestone).await,
            Event::Changed => token.cancel(),
        }
    }
}

/// Whether a fresh run should take over. A dead mail server must not hold up the rest, so a long history waits for the
/// errands, up to a point.
fn is_long(ctx: &Context) -> bool {
    let busy = ctx.state(|s| s.errands_under_way > 0 || !s.errands.is_empty());
    let limit = if busy { 20 * LONG_HISTORY } else { LONG_HISTORY };
    ctx.history_length() > limit
}

/// Have a provider make the link. A session that ends or moves meanwhile stops the asking; what was made is removed.
async fn make_link(ctx: &Context, standing: &Standing) {
    waits(ctx, Some("meeting_link"), None);
    let wanted = |s: &SessionBooking| {
        let now = s.standing.as_ref();
        now.is_some_and(|now| now.link_pending && now.meeting_key == standing.meeting_key)
    };
    ctx.state_mut(|s| s.linking = true);
    let token = WorkflowCancellationToken::new();
    let mut made = ctx.execute_activity(
        SessionSteps::create_meeting,
        of_session(ctx),
        steps::link(token.clone()),
    );
    let meeting = select! {
        meeting = made => meeting,
        _ = until(ctx, |s| !wanted(s)) => {
            token.cancel();
            made.await
        },
    };
    let turn = Turn::take(ctx).await;
    ctx.state_mut(|s| s.linking = false);
    errands::let_go(ctx);
    if ctx.state(wanted) {
        let session = ctx.state(|s| s.book.session);
        let standing = match meeting {
            Ok(meeting) => {
                note(ctx, "meeting_link", "done", None);
                persist(ctx, |now| {
                    let input = Confirm {
                        session,
                        meeting: meeting.clone(),
                        now,
                        request_id: of_session(ctx).request_id,
                    };
                    ctx.execute_local_activity(SessionSteps::confirm, input, steps::local("put the link on record"))
                })
                .await
            }
            Err(_) => {
                note(ctx, "meeting_link", "failed", None);
                persist(ctx, |now| {
                    let input = Fail {
                        session,
                        reason: "meeting_link_failed".to_owned(),
                        now,
                        request_id: of_session(ctx).request_id,
                    };
                    ctx.execute_local_activity(SessionSteps::fail, input, steps::local("give the slot back"))
                })
                .await
            }
        };
        stands(ctx, standing);
    }
    turn.over(ctx);
}

/// The hold is over, a reminder is due, or the session is over.
async fn pass(ctx: &Context, milestone: Milestone) {
    if let Milestone::Reminder(offset) = milestone {
        ctx.state_mut(|s| s.reminders.retain(|other| *other != offset));
        errands::remind(ctx, offset);
        return;
    }
    let turn = Turn::take(ctx).await;
    let before = ctx.state(|s| s.standing.as_ref().map(|standing| standing.status));
    let hold = milestone == Milestone::HoldExpiry;
    let standing = if hold {
        persist(ctx, |now| {
            let input = OfSession { now, ..of_session(ctx) };
            ctx.execute_local_activity(SessionSteps::expire, input, steps::local("let the hold expire"))
        })
        .await
    } else {
        persist(ctx, |now| {
            let input = OfSession { now, ..of_session(ctx) };
            ctx.execute_local_activity(SessionSteps::complete, input, steps::local("complete the session"))
        })
        .await
    };
    if before != Some(standing.status) {
        note(ctx, if hold { "expiry" } else { "completion" }, "done", None);
    }
    stands(ctx, standing);
    turn.over(ctx);
}

/// An operator who asks the engine to cancel the run means the session.
async fn operator(ctx: &Context) {
    let heard = select! {
        _ = ctx.cancelled() => true,
        _ = until(ctx, |s| s.told) => false,
    };
    if heard {
        let command = Cancel {
            role: Role::Operator,
            actor: None,
            reason: None,
            only_hold: false,
            // Nobody waits for the answer, so there is no hour at which it would come out of the blue.
            not_after: now(ctx) + Duration::from_secs(365 * 86_400),
            request_id: None,
        };
        commands::cancel(ctx, command).await;
    }
}

/// Put on record that nothing can happen any more.
async fn close(ctx: &Context) {
    persist(ctx, |now| {
        let input = OfSession { now, ..of_session(ctx) };
        ctx.execute_local_activity(SessionSteps::close, input, steps::local("close the session"))
    })
    .await;
}

/// Wait for the state to be so, whatever the run is asked to stop meanwhile.
pub(super) fn until<'a>(
    ctx: &'a Context,
    condition: impl FnMut(&SessionBooking) -> bool + 'a,
) -> impl FusedFuture<Output = Result<(), WorkflowCancellationError>> + 'a {
    ctx.wait_condition_with_options(condition, detached())
}

/// Add a line to the run's own timeline.
pub(super) fn note(ctx: &Context, step: &str, status: &str, detail: Option<String>) {
    let entry = Entry {
        at: now(ctx),
        step: step.to_owned(),
        status: status.to_owned(),
        detail,
    };
    ctx.state_mut(|s| s.timeline.push(entry));
}

pub(super) fn of_session(ctx: &Context) -> OfSession {
    ctx.state(|s| OfSession {
        session: s.book.session,
        now: now(ctx),
        request_id: s.book.request_id.clone(),
    })
}

fn waits(ctx: &Context, waiting_for: Option<&'static str>, next_timer_at: Option<Instant>) {
    ctx.state_mut(|s| {
        s.waiting_for = waiting_for;
        s.next_timer_at = next_timer_at;
    });
}
