//! `series.start_sessions` and `series.cancel_sessions`: each session has a workflow of its own, which is told.

use crate::{commands::Commands, error::StepError};
use entities::{db::Db, series};
use workflows::{
    series::contract::{CancelSeries, OfSeries},
    sessions::{contract::Cancel, error::SessionError},
};

pub(super) async fn start(db: &Db, commands: &Commands, input: OfSeries) -> Result<(), StepError> {
    for row in series::sessions(db.reader(), input.series).await? {
        // One that is closed has had its workflow, and its history may be gone.
        if row.closed_at.is_none() {
            commands.start(&row).await?;
        }
    }
    Ok(())
}

pub(super) async fn cancel(db: &Db, commands: &Commands, input: CancelSeries) -> Result<(), StepError> {
    let CancelSeries {
        series,
        id,
        role,
        actor,
        reason,
        not_after,
        request_id,
    } = input;
    for row in series::sessions(db.reader(), series).await? {
        if row.closed_at.is_some() {
            continue;
        }
        let command = Cancel {
            role,
            actor,
            reason,
            not_after,
            request_id: request_id.clone(),
        };
        // Its workflow may not have been started yet. What refuses to be called off has begun or is over.
        commands.start(&row).await?;
        let answer = commands
            .cancel(row.id, &format!("cancel-{series}-{id}"), command)
            .await?;
        if answer == Some(SessionError::Lapsed) {
            return Err(StepError::Final {
                code: SessionError::Lapsed.code(),
                message: format!("series {series} was not called off in time"),
            });
        }
    }
    Ok(())
}
