//! `sessions.take_over_profile`: the session follows its client's profile, and its run what the row says.

use super::transition::{By, Locked, skipped_reminders, standing};
use crate::{error::StepError, meetings::provider::MeetingProvider};
use entities::{db::Db, profile, session, session_event};
use sea_orm::ActiveValue::Set;
use workflows::sessions::{
    contract::{Given, ProfileChanged, Standing},
    state::SessionState,
};

pub(super) async fn run(
    db: &Db,
    meetings: &MeetingProvider,
    input: Given<ProfileChanged>,
) -> Result<Standing, StepError> {
    let Given { session, command, now } = input;
    let look_again = command.look_again;
    let answer = |row: &session::Model| Standing {
        // What has fallen due since the row was changed is the run's to do now: it has not heard of the change.
        changed_at: look_again.then_some(row.updated_at),
        ..standing(row, meetings)
    };
    let locked = Locked::take(db, session).await?;
    let row = &locked.row;
    let open = matches!(row.status, SessionState::Held | SessionState::Confirmed);
    let profile = profile::of(&locked.tx, row.client_id).await?.filter(|_| open);
    let Some(profile) = profile else {
        return Ok(answer(row));
    };
    let mut columns = session::ActiveModel::default();
    let mut events = Vec::new();
    if row.reminder_offsets != profile.reminder_offsets {
        let known = session_event::of_session(&locked.tx, session, 0).await?;
        let known: Vec<String> = known.into_iter().map(|event| event.key).collect();
        let new: Vec<u32> = profile.reminder_offsets.0.clone();
        let new: Vec<u32> = new
            .into_iter()
            .filter(|offset| !row.reminder_offsets.0.contains(offset))
            .collect();
        events.extend(skipped_reminders(row.starts_at, row.sequence, &new, &known, now));
        columns.reminder_offsets = Set(profile.reminder_offsets);
    }
    if command.time_zone && row.time_zone != profile.time_zone {
        columns.time_zone = Set(profile.time_zone);
    }
    if columns == session::ActiveModel::default() {
        return Ok(answer(row));
    }
    let by = By::itself("session.follow_profile", None);
    let row = locked.change(by, columns, events, now).await?;
    Ok(answer(&row))
}
