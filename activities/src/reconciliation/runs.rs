//! Runs of sessions: each has an open row, and says what its row says.

use super::{
    Moments, Page, ReconciliationActivities, all,
    mending::{Kind, Remedy, mend},
    no_place,
    sight::{Account, Sight},
};
use crate::error::StepError;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entities::session;
use std::collections::BTreeMap;
use workflows::{
    ids::SessionId,
    reconciliation::contract::Found,
    sessions::contract::{session_of, workflow_id},
};

pub(super) async fn look(steps: &ReconciliationActivities, after: Option<String>, at: Moments) -> Page {
    let token = after.map(|after| URL_SAFE_NO_PAD.decode(after)).transpose();
    let token = token.map_err(|_| no_place())?.unwrap_or_default();
    let (runs, token) = steps.engine.sessions(token).await?;
    let next = (!token.is_empty()).then(|| URL_SAFE_NO_PAD.encode(token));
    let runs: Vec<(SessionId, Account)> = runs
        .into_iter()
        .filter_map(|(id, account)| Some((session_of(&id)?, account)))
        .collect();
    let ids: Vec<_> = runs.iter().map(|(id, _)| *id).collect();
    let rows = session::by_ids(steps.db.reader(), &ids).await?;
    let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let looked_at = runs.len();
    let suspects = runs
        .into_iter()
        .filter(|(id, account)| differs(rows.get(id), account).is_some());
    let asked = suspects.map(|(id, _)| one(steps, id, at)).collect();
    Ok((next, all(looked_at, asked).await?))
}

async fn one(steps: &ReconciliationActivities, session: SessionId, at: Moments) -> Result<Found, StepError> {
    let id = workflow_id(session);
    let Sight::Runs(account) = steps.engine.describe(&id).await? else {
        return Ok(Found::default());
    };
    let row = session::by_id(steps.db.reader(), session).await?;
    // The run may be on its way to where the row stands, or to its first row.
    let begun = account.since.is_some_and(|since| since <= at.before);
    let settled = begun
        && row
            .as_ref()
            .is_none_or(|row| row.updated_at <= at.before && row.closed_at.is_none_or(|closed| closed <= at.before));
    Ok(match differs(row.as_ref(), &account).filter(|_| settled) {
        Some(kind) => mend(steps, at, kind, &id, Remedy::Tell(session)).await,
        None => Found::default(),
    })
}

/// Whether the run says otherwise than the row. What operators are not shown is not compared.
fn differs(row: Option<&session::Model>, run: &Account) -> Option<Kind> {
    let Some(row) = row else {
        return Some(Kind::RunWithoutSession);
    };
    let status = run.status.as_deref().is_none_or(|status| status == row.status.as_str());
    let start = run.starts_at.is_none_or(|start| start == row.starts_at);
    let agrees = row.closed_at.is_none() && status && start;
    (!agrees).then_some(Kind::RunDiffers)
}
