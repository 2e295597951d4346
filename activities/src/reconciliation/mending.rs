//! What is done about a finding: put on record, done, counted and logged; by ids alone.

use super::{Moments, ReconciliationActivities};
use crate::error::StepError;
use entities::{
    audit::{self, Act, Actor},
    follow_up::{self, Work},
    session,
};
use telemetry::metrics;
use uuid::Uuid;
use workflows::{
    ids::{SessionId, UserId},
    reconciliation::contract::Found,
};

/// What does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SessionWithoutRun,
    RunWithoutSession,
    RunDiffers,
    WaitlistWithoutRun,
    BusyFeedWithoutRun,
    DeliveryWithoutRun,
    DeletionWithoutRun,
}

/// What is done about it.
pub(super) enum Remedy {
    /// A run takes the session over from its row.
    Start(Box<session::Model>),
    /// The run of the session looks at its row.
    Tell(SessionId),
    /// The follow-up by which such a run begins in the first place.
    FollowUp(Work),
    /// A run carries the deletion through.
    Delete(UserId),
}

impl Kind {
    /// The label of the metric.
    fn as_str(self) -> &'static str {
        match self {
            Self::SessionWithoutRun => "session_without_run",
            Self::RunWithoutSession => "run_without_session",
            Self::RunDiffers => "run_differs",
            Self::WaitlistWithoutRun => "waitlist_without_run",
            Self::BusyFeedWithoutRun => "busy_feed_without_run",
            Self::DeliveryWithoutRun => "delivery_without_run",
            Self::DeletionWithoutRun => "deletion_without_run",
        }
    }

    fn found(self) -> Found {
        let mut found = Found::default();
        let count = match self {
            Self::SessionWithoutRun => &mut found.sessions_without_run,
            Self::RunWithoutSession => &mut found.runs_without_session,
            Self::RunDiffers => &mut found.runs_that_differ,
            Self::WaitlistWithoutRun => &mut found.waitlists_without_run,
            Self::BusyFeedWithoutRun => &mut found.busy_feeds_without_run,
            Self::DeliveryWithoutRun => &mut found.deliveries_without_run,
            Self::DeletionWithoutRun => &mut found.deletions_without_run,
        };
        *count = 1;
        found
    }
}

impl Remedy {
    fn action(&self) -> &'static str {
        match self {
            Self::Tell(_) => "workflow.tell",
            Self::Start(_) | Self::FollowUp(_) | Self::Delete(_) => "workflow.start",
        }
    }
}

/// Mend what was found of the run `id`. What cannot be mended now is left to the next look, and holds up no other.
pub(super) async fn mend(steps: &ReconciliationActivities, at: Moments, kind: Kind, id: &str, remedy: Remedy) -> Found {
    metrics::reconciliation(kind.as_str());
    let found = kind.found();
    match apply(steps, at, id, remedy).await {
        Ok(()) => {
            tracing::warn!(workflow_id = id, kind = kind.as_str(), "mended what did not agree");
            found
        }
        Err(error) => {
            tracing::warn!(
                workflow_id = id,
                kind = kind.as_str(),
                error = %error,
                "what does not agree has to wait to be mended"
            );
            Found { not_mended: 1, ..found }
        }
    }
}

async fn apply(steps: &ReconciliationActivities, at: Moments, id: &str, remedy: Remedy) -> Result<(), StepError> {
    let tx = steps.db.begin_write().await?;
    let act = Act {
        action: remedy.action(),
        target_kind: "workflow",
        target_id: id.to_owned(),
        fields: &[],
    };
    audit::record(&tx, &Actor::system(None), act, at.now).await?;
    if let Remedy::FollowUp(work) = &remedy {
        follow_up::insert(&tx, work.clone(), at.now).await?;
    }
    tx.commit().await?;
    match remedy {
        Remedy::Start(row) => steps.commands.start(&row).await?,
        Remedy::Tell(session) => {
            // The same for each attempt of this look, another one when it is looked again.
            let name = format!("reconciliation {} {id}", at.now);
            let once = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
            steps.commands.look_again(session, once).await?;
        }
        Remedy::Delete(user) => steps.commands.carry_deletion_through(user, at.now).await?,
        Remedy::FollowUp(_) => {}
    }
    Ok(())
}
