//! The same life as one would write it first: every effect a regular activity of its own.
//!
//! Check, record and link do in the database what ours does; the activities after them, which nobody waits for, do nothing.
//! All take and give what our steps do.

use crate::stack::MEET;
use activities::{error::StepError, meetings::provider::MeetingProvider, sessions::reserve};
use entities::{availability::Availability, db::Db, session};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult, join,
};
use workflows::{
    sessions::{
        contract::{
            Answer, Asked, Book, MailKind, Mailed, Meeting, OfSession, Reserve, SendMails, Standing, outreach_queue,
        },
        rules::{closes_at, reminder_at},
        state::SessionState,
        workflow::STATUS,
    },
    time::Instant,
};

/// A session, step by step.
#[workflow]
pub struct Naive {
    book: Book,
    confirmed: bool,
}

#[workflow_methods]
impl Naive {
    #[init]
    pub fn new(_ctx: &WorkflowContextView, book: Book) -> Self {
        Self { book, confirmed: false }
    }

    #[run(name = "bench_naive")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let book = ctx.state(|s| s.book.clone());
        let reserve = Reserve {
            book: book.clone(),
            now: now(ctx),
        };
        ctx.execute_activity(NaiveSteps::check, reserve.clone(), step("check the slot"))
            .await?;
        ctx.execute_activity(NaiveSteps::record, reserve, step("record the session"))
            .await?;
        ctx.execute_activity(NaiveSteps::link, of(ctx), step("make the link"))
            .await?;
        ctx.upsert_search_attributes([STATUS.value_set("confirmed".to_owned())]);
        ctx.state_mut(|s| s.confirmed = true);
        ctx.wait_condition(|_| ctx.all_handlers_finished()).await?;
        let (client, specialist) = join!(
            ctx.execute_activity(
                NaiveSteps::mail,
                letter(ctx, MailKind::Confirmation, None),
                outreach(ctx)
            ),
            ctx.execute_activity(
                NaiveSteps::mail,
                letter(ctx, MailKind::Confirmation, None),
                outreach(ctx)
            )
        );
        client?;
        specialist?;
        let ends_at = book.starts_at.plus_minutes(60);
        for offset in [24 * 60, 60] {
            sleep_until(ctx, reminder_at(book.starts_at, offset)).await?;
            let mail = letter(ctx, MailKind::Reminder, Some(offset));
            ctx.execute_activity(NaiveSteps::mail, mail, outreach(ctx)).await?;
        }
        sleep_until(ctx, ends_at).await?;
        ctx.execute_activity(NaiveSteps::complete, of(ctx), step("complete the session"))
            .await?;
        ctx.upsert_search_attributes([STATUS.value_set("completed".to_owned())]);
        let mail = letter(ctx, MailKind::ReviewInvitation, None);
        ctx.execute_activity(NaiveSteps::mail, mail, outreach(ctx)).await?;
        sleep_until(ctx, closes_at(book.starts_at, ends_at)).await?;
        ctx.execute_activity(NaiveSteps::close, of(ctx), step("close the session"))
            .await?;
        Ok(())
    }

    #[update(name = "book")]
    pub async fn book(ctx: &mut WorkflowContext<Self>, _asked: Asked) -> bool {
        ctx.wait_condition(|s| s.confirmed).await.is_ok()
    }
}

type Context = WorkflowContext<Naive>;

fn now(ctx: &Context) -> Instant {
    // Absent only outside of a task, where no workflow code runs.
    ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH).into()
}

async fn sleep_until(ctx: &Context, at: Instant) -> WorkflowResult<()> {
    ctx.timer(now(ctx).until(at)).await;
    Ok(())
}

fn of(ctx: &Context) -> OfSession {
    ctx.state(|s| OfSession {
        session: s.book.session,
        now: now(ctx),
        request_id: s.book.request_id.clone(),
    })
}

fn letter(ctx: &Context, kind: MailKind, offset_minutes: Option<u32>) -> SendMails {
    SendMails {
        session: ctx.state(|s| s.book.session),
        kind,
        sequence: 0,
        offset_minutes,
        now: now(ctx),
    }
}

fn step(summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(10)))
        .summary(summary.to_owned())
        .build()
}

fn outreach(ctx: &Context) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(120)))
        .task_queue(outreach_queue(ctx.task_queue()))
        .summary("send a mail".to_owned())
        .build()
}

/// The effects.
#[derive(Clone)]
pub struct NaiveSteps {
    /// Where they are had.
    pub db: Db,
    /// Of ours, whose links take no call.
    pub meetings: Arc<MeetingProvider>,
}

fn failed(error: DbErr) -> ActivityError {
    StepError::from(error).into_activity()
}

fn refused(message: String) -> ActivityError {
    let code = "refused";
    StepError::Final { code, message }.into_activity()
}

#[activities]
impl NaiveSteps {
    #[activity(name = "bench.check")]
    pub async fn check(self: Arc<Self>, _: ActivityContext, input: Reserve) -> Result<bool, ActivityError> {
        let Reserve { book, now } = input;
        let at = book.starts_at;
        let load = Availability::load(self.db.reader(), book.specialist, at, at);
        let Some(availability) = load.await.map_err(failed)? else {
            return Err(refused("no such specialist".to_owned()));
        };
        match availability.judge(book.service, now, at, None) {
            Ok(_) => Ok(true),
            Err(refusal) => Err(refused(refusal.to_string())),
        }
    }

    #[activity(name = "bench.record")]
    pub async fn record(self: Arc<Self>, _: ActivityContext, input: Reserve) -> Result<Standing, ActivityError> {
        let book = input.book.clone();
        let reserved = reserve::run(&self.db, &self.meetings, 3, input).await;
        match reserved.map_err(StepError::into_activity)? {
            Answer::Done(_) => Ok(standing(&book, SessionState::Held)),
            Answer::Refused(refusal) => Err(refused(refusal.to_string())),
        }
    }

    #[activity(name = "bench.link")]
    pub async fn link(self: Arc<Self>, _: ActivityContext, input: OfSession) -> Result<Meeting, ActivityError> {
        let url = format!("{MEET}/{}", input.session);
        session::Entity::update_many()
            .col_expr(session::Column::MeetingUrl, Expr::value(url.clone()))
            .filter(session::Column::Id.eq(input.session))
            .exec(self.db.writer())
            .await
            .map_err(failed)?;
        Ok(Meeting {
            url,
            reference: None,
            key: Some(format!("{}-0", input.session)),
        })
    }

    #[activity(name = "bench.mail")]
    pub async fn mail(_: ActivityContext, _input: SendMails) -> Result<Mailed, ActivityError> {
        Ok(Mailed::Done)
    }

    #[activity(name = "bench.complete")]
    pub async fn complete(_: ActivityContext, _input: OfSession) -> Result<SessionState, ActivityError> {
        Ok(SessionState::Completed)
    }

    #[activity(name = "bench.close")]
    pub async fn close(_: ActivityContext, _input: OfSession) -> Result<(), ActivityError> {
        Ok(())
    }
}

fn standing(book: &Book, status: SessionState) -> Standing {
    Standing {
        status,
        starts_at: book.starts_at,
        ends_at: book.starts_at.plus_minutes(60),
        sequence: 0,
        reminder_offsets: vec![24 * 60, 60],
        link_pending: true,
        meeting_to_remove: false,
        meeting_key: Some(format!("{}-0", book.session)),
        hold_expires_at: None,
        changed_at: None,
    }
}
