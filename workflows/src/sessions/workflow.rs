//! The workflow of a session: from the reservation until nothing can happen to it any more.
//!
//! [`SessionBooking::run`] reads as the story. Beside it runs `letters`, which sends what the story asks for,
//! so that a dead mail server holds up nothing else. Commands arrive as updates and take their turn, one at a time.
//!
//! # Flows
//! `1`: reserve (with a built-in link) → link by a provider → mails → reminders → completion → close.
//!
//! # Undo
//! Each step's undo is in place before the step starts: a reservation whose link cannot be made ends in
//! [`SessionSteps::fail`], a meeting asked for is removed whenever the session does not come to be or ends early.

#![expect(
    missing_docs,
    reason = "the macro's constants do not take over the docs of the methods"
)]

use super::{
    contract::{
        Answer, Asked, Book, Cancel, CancelSession, Confirm, Entry, Fail, MailKind, OfSession, Progress, Reserve, Role,
        SendMails, Standing,
    },
    error::SessionError,
    letters,
    rules::{self, Milestone},
    state::SessionState,
    steps::{self, SessionSteps},
};
use crate::time::Instant;
use futures::future::{FusedFuture, FutureExt};
use std::{
    collections::VecDeque,
    future::Future,
    time::{Duration, SystemTime},
};
use temporalio_common::search_attributes::{SearchAttributeKey, Timestamp};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityExecutionError, ContinueAsNewOptions, TimerOptions, WaitConditionOptions, WorkflowCancellationError,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, join, select,
};

/// Search attribute: the specialist's id.
pub const SPECIALIST: SearchAttributeKey<String> = SearchAttributeKey::keyword("SpecialistId");
/// Search attribute: the client's id.
pub const CLIENT: SearchAttributeKey<String> = SearchAttributeKey::keyword("ClientId");
/// Search attribute: the session's state, or `refused`.
pub const STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword("SessionStatus");
/// Search attribute: the session's start.
pub const STARTS_AT: SearchAttributeKey<Timestamp> = SearchAttributeKey::datetime("StartsAt");

/// Events after which a waiting run continues as new.
const LONG_HISTORY: u32 = 1_000;

/// One booked session.
#[workflow]
pub struct SessionBooking {
    book: Book,
    /// What became of the reservation, once decided.
    answer: Option<Answer>,
    /// How the session stands, once reserved.
    pub(super) standing: Option<Standing>,
    /// Reminders not yet dealt with, in minutes before the start, in the order they fall due.
    reminders: Vec<u32>,
    /// Turns taken and turns over: one command or transition at a time, in the order of their arrival.
    turns_taken: u32,
    turns_over: u32,
    pub(super) letters: VecDeque<SendMails>,
    pub(super) letters_under_way: usize,
    /// The story is over: no more letters will be asked for.
    pub(super) told: bool,
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
            letters: VecDeque::new(),
            letters_under_way: 0,
            told: false,
            waiting_for: Some("reservation"),
            next_timer_at: None,
            timeline: Vec::new(),
        }
    }

    /// The life of the session; answers the state it ended in, or nothing when it was refused.
    #[run(name = "session_booking")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Option<SessionState>> {
        let (ending, ()) = join!(story(ctx), letters::deliver(ctx));
        waits(ctx, None, None);
        until(ctx, |_| ctx.all_handlers_finished()).await.ok();
        if ending == Ending::TooLong {
            // The reserving step of the next run finds the row and goes on from how it stands.
            ctx.continue_as_new(ctx.state(|s| s.book.clone()), ContinueAsNewOptions::default())?;
        }
        Ok(ctx.state(|s| s.standing.as_ref().map(|standing| standing.status)))
    }

    /// Wait for the reservation's outcome; refused to a caller who means another request by this key.
    #[update(name = "book")]
    pub async fn book(ctx: &mut WorkflowContext<Self>, asked: Asked) -> Answer {
        if ctx.state(|s| s.book.request_hash != asked.request_hash) {
            return Answer::Refused(SessionError::IdempotencyKeyReused);
        }
        until(ctx, |s| s.answer.is_some()).await.ok();
        ctx.state(|s| s.answer.clone())
            .unwrap_or(Answer::Refused(SessionError::Lapsed))
    }

    /// Call the session off.
    #[update(name = "cancel")]
    pub async fn cancel(ctx: &mut WorkflowContext<Self>, command: Cancel) -> Answer {
        call_off(ctx, command).await
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

/// A context of this workflow.
pub(super) type Context = WorkflowContext<SessionBooking>;

/// How the story ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing can happen to the session any more.
    Over,
    /// The history has grown long: a fresh run takes over.
    TooLong,
}

async fn story(ctx: &Context) -> Ending {
    let ending = match reserve(ctx).await {
        Some(standing) => {
            if standing.link_pending {
                make_link(ctx).await;
            } else if let Some(kind) = letter_of(standing.status) {
                // Of a row that was found it may have gone already; its events tell.
                ask_for_letters(ctx, kind, None);
            }
            live(ctx).await
        }
        None => Ending::Over,
    };
    ctx.state_mut(|s| s.told = true);
    ending
}

/// The letter that tells of a state.
fn letter_of(status: SessionState) -> Option<MailKind> {
    match status {
        SessionState::Confirmed => Some(MailKind::Confirmation),
        SessionState::Completed => Some(MailKind::ReviewInvitation),
        SessionState::Cancelled => Some(MailKind::Cancellation),
        SessionState::Failed => Some(MailKind::Failure),
        SessionState::Held | SessionState::NoShow | SessionState::Expired => None,
    }
}

/// Take the slot, or learn why not.
async fn reserve(ctx: &Context) -> Option<Standing> {
    let book = ctx.state(|s| s.book.clone());
    let answer = persist(ctx, |now| {
        let input = Reserve {
            book: book.clone(),
            now,
        };
        ctx.execute_local_activity(SessionSteps::reserve, input, steps::local("judge and reserve the slot"))
    })
    .await;
    let now = now(ctx);
    match &answer {
        Answer::Done(standing) => {
            note(ctx, "reservation", "done", None);
            let (to_come, past) = rules::reminders(standing.starts_at, &standing.reminder_offsets, now);
            for offset in past {
                note(ctx, "reminder", "skipped", Some(format!("{offset} min: already past")));
            }
            ctx.state_mut(|s| s.reminders = to_come);
            stands(ctx, standing.clone());
        }
        Answer::Refused(refusal) => {
            note(ctx, "reservation", "refused", Some(refusal.code().to_owned()));
            ctx.upsert_search_attributes([STATUS.value_set("refused".to_owned())]);
            ctx.set_current_details(format!("**refused**: {}", refusal.code()));
        }
    }
    let standing = match &answer {
        Answer::Done(standing) => Some(standing.clone()),
        Answer::Refused(_) => None,
    };
    ctx.state_mut(|s| s.answer = Some(answer));
    standing
}

/// Have a provider make the link. A session that ends meanwhile stops the asking; what was made is removed in the end.
async fn make_link(ctx: &Context) {
    waits(ctx, Some("meeting_link"), None);
    let token = WorkflowCancellationToken::new();
    let mut made = ctx.execute_activity(
        SessionSteps::create_meeting,
        of_session(ctx),
        steps::link(token.clone()),
    );
    let meeting = select! {
        meeting = made => meeting,
        _ = until(ctx, |s| s.standing.as_ref().is_none_or(|standing| standing.status != SessionState::Held)) => {
            token.cancel();
            made.await
        },
    };
    let session = ctx.state(|s| s.book.session);
    let turn = Turn::take(ctx).await;
    let standing = match meeting {
        Ok(meeting) => {
            note(ctx, "meeting_link", "done", None);
            persist(ctx, |now| {
                let input = Confirm {
                    session,
                    meeting: meeting.clone(),
                    now,
                };
                ctx.execute_local_activity(SessionSteps::confirm, input, steps::local("confirm the session"))
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
                };
                ctx.execute_local_activity(SessionSteps::fail, input, steps::local("give the slot back"))
            })
            .await
        }
    };
    let status = standing.status;
    stands(ctx, standing);
    turn.over(ctx);
    // Who cancelled meanwhile has asked for that letter.
    if let Some(kind) = letter_of(status).filter(|_| status != SessionState::Cancelled) {
        ask_for_letters(ctx, kind, None);
    }
}

/// What ends a wait.
enum Event {
    /// The milestone's hour has come.
    Due,
    /// A command has changed how the session stands.
    Changed,
    /// An operator asks the engine to cancel the run.
    CancelRequested,
}

/// Reminders, completion and the days in which a no-show can be said.
async fn live(ctx: &Context) -> Ending {
    let mut cancel_requested = false;
    loop {
        let Some(standing) = ctx.state(|s| s.standing.clone()) else {
            return Ending::Over;
        };
        let Some((milestone, due)) = ctx.state(|s| rules::next_milestone(&standing, &s.reminders)) else {
            if standing.meeting_to_remove && !standing.status.blocks() {
                remove_meeting(ctx).await;
            }
            return Ending::Over;
        };
        // A dead mail server must not hold up the rest, so a long history waits for the mails, up to a point.
        let mails_under_way = ctx.state(|s| s.letters_under_way > 0 || !s.letters.is_empty());
        if ctx.history_length()
            > if mails_under_way {
                20 * LONG_HISTORY
            } else {
                LONG_HISTORY
            }
        {
            return Ending::TooLong;
        }
        waits(ctx, Some(milestone.as_str()), Some(due));
        let token = WorkflowCancellationToken::new();
        let timer = TimerOptions::builder(now(ctx).until(due))
            .summary(format!("{} at {due}", milestone.as_str()))
            .cancellation_token(token.clone())
            .build();
        let event = select! {
            _ = until(ctx, |s| s.standing.as_ref() != Some(&standing)) => Event::Changed,
            () = cancellation(ctx, cancel_requested) => Event::CancelRequested,
            _ = ctx.timer(timer) => Event::Due,
        };
        match event {
            Event::Due if milestone == Milestone::Close => return Ending::Over,
            Event::Due => pass(ctx, milestone).await,
            Event::Changed => token.cancel(),
            Event::CancelRequested => {
                token.cancel();
                cancel_requested = true;
                call_off(ctx, operator_cancel(now(ctx))).await;
            }
        }
    }
}

/// Resolves when an operator asks the engine to cancel the run, and has not been heard yet.
fn cancellation(ctx: &Context, heard: bool) -> impl FusedFuture<Output = ()> {
    async move {
        if heard {
            std::future::pending::<()>().await;
        }
        ctx.cancelled().await;
    }
    .fuse()
}

/// A reminder is due, or the session is over.
async fn pass(ctx: &Context, milestone: Milestone) {
    if let Milestone::Reminder(offset) = milestone {
        ctx.state_mut(|s| s.reminders.retain(|other| *other != offset));
        ask_for_letters(ctx, MailKind::Reminder, Some(offset));
        return;
    }
    let turn = Turn::take(ctx).await;
    let standing = persist(ctx, |now| {
        let input = OfSession { now, ..of_session(ctx) };
        ctx.execute_local_activity(SessionSteps::complete, input, steps::local("complete the session"))
    })
    .await;
    let completed = standing.status == SessionState::Completed;
    stands(ctx, standing);
    turn.over(ctx);
    if completed {
        note(ctx, "completion", "done", None);
        ask_for_letters(ctx, MailKind::ReviewInvitation, None);
    }
}

/// Cancel, in its turn, and have everybody told.
async fn call_off(ctx: &Context, command: Cancel) -> Answer {
    until(ctx, |s| s.answer.is_some()).await.ok();
    let turn = Turn::take(ctx).await;
    let (session, before) = ctx.state(|s| (s.book.session, s.standing.as_ref().map(|standing| standing.status)));
    let Some(before) = before else {
        // What was refused has no session to cancel.
        turn.over(ctx);
        return Answer::Refused(SessionError::Lapsed);
    };
    let answer = persist(ctx, |now| {
        let input = CancelSession {
            session,
            command: command.clone(),
            now,
        };
        ctx.execute_local_activity(SessionSteps::cancel, input, steps::local("cancel the session"))
    })
    .await;
    match &answer {
        Answer::Done(standing) => {
            stands(ctx, standing.clone());
            if before != SessionState::Cancelled {
                note(ctx, "cancellation", "done", None);
                ask_for_letters(ctx, MailKind::Cancellation, None);
            }
        }
        Answer::Refused(refusal) => note(ctx, "cancellation", "refused", Some(refusal.code().to_owned())),
    }
    turn.over(ctx);
    answer
}

fn operator_cancel(now: Instant) -> Cancel {
    Cancel {
        role: Role::Operator,
        actor: None,
        reason: None,
        // Nobody waits for the answer, so there is no hour at which it would come out of the blue.
        not_after: now + Duration::from_secs(365 * 86_400),
        request_id: None,
    }
}

/// Have the provider forget the meeting; an undo is tried for as long as it may matter, and its failure is on record.
async fn remove_meeting(ctx: &Context) {
    let removed = ctx
        .execute_activity(SessionSteps::remove_meeting, of_session(ctx), steps::unlink())
        .await;
    note(
        ctx,
        "meeting_removal",
        if removed.is_ok() { "done" } else { "failed" },
        None,
    );
}

/// Run a local step until it answers: each attempt with the time as it is then.
///
/// A database that is away for a day delays the session by a day and loses nothing. Pauses grow from 1 s to 5 min.
pub(super) async fn persist<T, Step, Attempt>(ctx: &Context, step: Step) -> T
where
    Step: Fn(Instant) -> Attempt,
    Attempt: Future<Output = Result<T, ActivityExecutionError>>,
{
    let mut pause = Duration::from_secs(1);
    loop {
        if let Ok(output) = step(now(ctx)).await {
            return output;
        }
        let timer = TimerOptions::builder(pause)
            .summary("before the step is tried again".to_owned())
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.timer(timer).await;
        pause = (pause * 2).min(Duration::from_secs(300));
    }
}

/// A place in the line of commands and transitions, which change the session one at a time.
struct Turn;

impl Turn {
    async fn take(ctx: &Context) -> Self {
        let mine = ctx.state(|s| s.turns_taken);
        ctx.state_mut(|s| s.turns_taken += 1);
        until(ctx, |s| s.turns_over == mine).await.ok();
        Self
    }

    fn over(self, ctx: &Context) {
        ctx.state_mut(|s| s.turns_over += 1);
    }
}

/// The workflow's time.
pub(super) fn now(ctx: &Context) -> Instant {
    // Absent only outside of a task, where no workflow code runs.
    ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH).into()
}

/// Wait for the state to be so, whatever the run is asked to stop meanwhile.
pub(super) fn until<'a>(
    ctx: &'a Context,
    condition: impl FnMut(&SessionBooking) -> bool + 'a,
) -> impl FusedFuture<Output = Result<(), WorkflowCancellationError>> + 'a {
    let detached = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.wait_condition_with_options(condition, detached)
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

fn ask_for_letters(ctx: &Context, kind: MailKind, offset_minutes: Option<u32>) {
    let now = now(ctx);
    ctx.state_mut(|s| {
        let Some(standing) = &s.standing else { return };
        let sequence = standing.sequence;
        s.letters.push_back(SendMails {
            session: s.book.session,
            kind,
            sequence,
            offset_minutes,
            now,
        });
    });
}

fn of_session(ctx: &Context) -> OfSession {
    ctx.state(|s| OfSession {
        session: s.book.session,
        now: now(ctx),
        request_id: s.book.request_id.clone(),
    })
}

/// Take over how the session stands, and show it to operators.
fn stands(ctx: &Context, standing: Standing) {
    let shown = ctx.state(|s| {
        s.standing
            .as_ref()
            .map_or(SessionState::Held, |standing| standing.status)
    });
    if shown != standing.status {
        ctx.upsert_search_attributes([STATUS.value_set(standing.status.as_str().to_owned())]);
    }
    ctx.set_current_details(format!(
        "**{}**\n\n- starts {}\n- ends {}\n- specialist `{}`\n- client `{}`",
        standing.status.as_str(),
        standing.starts_at,
        standing.ends_at,
        ctx.state(|s| s.book.specialist),
        ctx.state(|s| s.book.client),
    ));
    ctx.state_mut(|s| s.standing = Some(standing));
}

fn waits(ctx: &Context, waiting_for: Option<&'static str>, next_timer_at: Option<Instant>) {
    ctx.state_mut(|s| {
        s.waiting_for = waiting_for;
        s.next_timer_at = next_timer_at;
    });
}
