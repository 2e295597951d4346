//! Open sessions: each has a run, which takes over from its row where there is none.

use super::{
    Moments, PAGE, Page, ReconciliationActivities, all, behind,
    mending::{Kind, Remedy, mend},
    place,
};
use crate::error::StepError;
use entities::session;
use workflows::{reconciliation::contract::Found, sessions::contract::workflow_id};

pub(super) async fn look(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let after = place(after.as_deref())?;
    let rows = session::unclosed(steps.db.reader(), after, at.before, PAGE).await?;
    let next = behind(&rows, |row| row.id.to_string());
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok((None, Found::default()));
    };
    let listed = steps
        .engine
        .listed(&workflow_id(first.id), &workflow_id(last.id))
        .await?;
    let looked_at = rows.len();
    let suspects = rows.into_iter().filter(|row| !listed.contains(&workflow_id(row.id)));
    let asked = suspects.map(|row| one(steps, row, at)).collect();
    Ok((next, all(looked_at, asked).await?))
}

async fn one(steps: &ReconciliationActivities, row: session::Model, at: Moments) -> Result<Found, StepError> {
    let id = workflow_id(row.id);
    if !steps.engine.describe(&id).await?.is_over(at.before) {
        return Ok(Found::default());
    }
    // A run that has ended meanwhile has closed its row before.
    let row = session::by_id(steps.db.reader(), row.id).await?;
    let row = row.filter(|row| row.closed_at.is_none() && row.updated_at <= at.before);
    Ok(match row {
        Some(row) => mend(steps, at, Kind::SessionWithoutRun, &id, Remedy::Start(Box::new(row))).await,
        None => Found::default(),
    })
}
