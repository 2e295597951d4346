//! Everything that is stored, as read.

use super::{Report, World};
use entities::{
    audit, follow_up, profile, review, series, service, session, session_event, specialist, waitlist_entry,
    waitlist_offer,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use std::{collections::BTreeMap, time::Duration};
use workflows::ids::{ServiceId, SessionId, SpecialistId, UserId};

/// The rows, and what is needed of the mails.
pub(super) struct Snapshot {
    pub(super) sessions: BTreeMap<SessionId, session::Model>,
    pub(super) events: BTreeMap<SessionId, Vec<session_event::Model>>,
    /// How many changes of each session are on record.
    pub(super) acts: BTreeMap<String, i32>,
    pub(super) capacities: BTreeMap<ServiceId, i32>,
    pub(super) series: Vec<series::Model>,
    pub(super) entries: Vec<waitlist_entry::Model>,
    pub(super) offers: Vec<waitlist_offer::Model>,
    pub(super) reviews: Vec<review::Model>,
    pub(super) follow_ups: Vec<follow_up::Model>,
    /// The addresses of clients who have not been deleted.
    pub(super) clients: BTreeMap<UserId, String>,
    pub(super) specialists: BTreeMap<SpecialistId, specialist::Model>,
    pub(super) mails: Vec<Mail>,
}

/// A mail that came.
pub(super) struct Mail {
    /// Without angle brackets.
    pub(super) id: String,
    pub(super) to: Vec<String>,
    /// Its calendar part.
    pub(super) calendar: Option<String>,
}

impl Snapshot {
    pub(super) async fn take(world: &World) -> Self {
        let db = world.database.db.reader();
        let sessions = session::Entity::find().all(db).await.unwrap();
        let mut events = BTreeMap::<_, Vec<_>>::new();
        let all = session_event::Entity::find().order_by_asc(session_event::Column::Seq);
        for event in all.all(db).await.unwrap() {
            events.entry(event.session_id).or_default().push(event);
        }
        let mut acts = BTreeMap::<_, i32>::new();
        let of_sessions = audit::Entity::find().filter(audit::Column::TargetKind.eq("session"));
        for act in of_sessions.all(db).await.unwrap() {
            *acts.entry(act.target_id).or_default() += 1;
        }
        let services = service::Entity::find().all(db).await.unwrap();
        let profiles = profile::Entity::find().all(db).await.unwrap();
        let specialists = specialist::Entity::find().all(db).await.unwrap();
        Self {
            sessions: sessions.into_iter().map(|row| (row.id, row)).collect(),
            events,
            acts,
            capacities: services.into_iter().map(|row| (row.id, row.capacity)).collect(),
            series: series::Entity::find().all(db).await.unwrap(),
            entries: waitlist_entry::Entity::find().all(db).await.unwrap(),
            offers: waitlist_offer::Entity::find().all(db).await.unwrap(),
            reviews: review::Entity::find().all(db).await.unwrap(),
            follow_ups: follow_up::Entity::find().all(db).await.unwrap(),
            clients: profiles.into_iter().map(|row| (row.user_id, row.email)).collect(),
            specialists: specialists.into_iter().map(|row| (row.id, row)).collect(),
            mails: mails(world).await,
        }
    }

    /// The events of a session, oldest first.
    pub(super) fn events_of(&self, session: SessionId) -> &[session_event::Model] {
        self.events.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Whether a session has the event of that key.
    pub(super) fn has(&self, session: SessionId, key: &str) -> bool {
        self.events_of(session).iter().any(|event| event.key == key)
    }

    /// How many numbers were given to events that there are not.
    pub(super) fn n_missing(&self, row: &session::Model) -> usize {
        let counted = usize::try_from(row.event_seq).unwrap_or_default();
        counted.saturating_sub(self.events_of(row.id).len())
    }

    pub(super) fn report(&self) -> Report {
        let mut report = Report {
            n_events: self.events.values().map(Vec::len).sum(),
            n_series: self.series.len(),
            n_places: self.entries.len(),
            n_reviews: self.reviews.len(),
            n_repeats: self.sessions.values().map(|row| self.n_missing(row)).sum(),
            ..Report::default()
        };
        for row in self.sessions.values() {
            *report.sessions.entry(row.status.as_str()).or_default() += 1;
        }
        for offer in &self.offers {
            *report
                .offers
                .entry(format!("{:?}", offer.status).to_lowercase())
                .or_default() += 1;
        }
        for mail in &self.mails {
            let kind = mail.id.split('.').next().unwrap_or_default();
            *report.mails.entry(kind.to_owned()).or_default() += 1;
        }
        report
    }
}

/// What came, in its order, without a copy of what is not needed.
async fn mails(world: &World) -> Vec<Mail> {
    let taken = world.outbox.wait_for(Duration::from_secs(10), |messages| {
        let taken = messages.iter().map(|message| Mail {
            id: message
                .message_id
                .as_deref()
                .unwrap_or_default()
                .trim_matches(['<', '>'])
                .to_owned(),
            to: message.to.clone(),
            calendar: message
                .attachments
                .iter()
                .find(|part| part.content_type == "text/calendar")
                .and_then(|part| part.text.clone()),
        });
        Some(taken.collect())
    });
    taken.await.unwrap()
}
