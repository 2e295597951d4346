//! Daily reports: what a day of UTC came to, counted once from the timelines of sessions.

use crate::{column::LocalDate, db::Db, session, session_event};
use jiff::civil::Date;
use sea_orm::{
    Condition, FromJsonQueryResult, JoinType, QueryOrder, QuerySelect, Select,
    entity::prelude::*,
    sea_query::{Alias, ExprTrait, OnConflict, Query},
};
use serde::{Deserialize, Serialize};
use workflows::{
    ids::SpecialistId,
    reports::rules::{Lateness, Reminder, bounds},
    sessions::state::SessionState,
    time::Instant,
};

/// So many specialists are named.
const TOP: u64 = 10;

/// What a day came to.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "daily_report")]
pub struct Model {
    /// The day, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub date: LocalDate,
    /// Sessions that were confirmed for the first time.
    pub bookings: i32,
    /// Confirmed sessions that were called off.
    pub cancellations: i32,
    /// Sessions of which was said that the client did not come.
    pub no_shows: i32,
    /// Sessions that took place.
    pub completed: i32,
    /// Holds and offers that nobody confirmed in time.
    pub expired_holds: i32,
    /// Mails about sessions that a mail server has taken, reminders among them.
    pub mails_sent: i32,
    /// Reminders among them.
    pub reminders_sent: i32,
    /// How much later than due the latest reminder was sent.
    pub reminder_lateness_max_ms: Option<i64>,
    /// How much later than due they were sent on average.
    pub reminder_lateness_mean_ms: Option<i64>,
    /// People who booked.
    pub clients: i32,
    /// Those among them who had had a session before that day.
    pub returning_clients: i32,
    /// Who was booked most.
    pub specialists: Booked,
    /// When it was counted.
    pub created_at: Instant,
}

/// What it refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Specialists by how often they were booked, the most first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Booked(pub Vec<BookedSpecialist>);

/// How often a specialist was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedSpecialist {
    /// Who.
    pub id: SpecialistId,
    /// How often.
    pub bookings: i64,
}

/// The report of a day, if it has been made.
///
/// # Errors
/// Whatever the database says.
pub async fn find(db: &impl ConnectionTrait, date: Date) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(LocalDate(date)).one(db).await
}

/// The reports of the days from `from` to `to`, both included, before `before`, the newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn page(
    db: &impl ConnectionTrait,
    from: Option<Date>,
    to: Option<Date>,
    before: Option<Date>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut wanted = Condition::all();
    if let Some(from) = from {
        wanted = wanted.add(Column::Date.gte(LocalDate(from)));
    }
    if let Some(to) = to {
        wanted = wanted.add(Column::Date.lte(LocalDate(to)));
    }
    if let Some(before) = before {
        wanted = wanted.add(Column::Date.lt(LocalDate(before)));
    }
    Entity::find()
        .filter(wanted)
        .order_by_desc(Column::Date)
        .limit(limit)
        .all(db)
        .await
}

/// The report of a day that is over, counted now unless it has been: whoever counts first is what everybody finds.
///
/// # Errors
/// Whatever the database says; [`DbErr::RecordNotFound`] for a day at the end of the calendar.
///
/// # Cost
/// The events of that day, found by their time; nothing of any other day.
pub async fn ensure(db: &Db, date: Date, now: Instant) -> Result<Model, DbErr> {
    if let Some(found) = find(db.reader(), date).await? {
        return Ok(found);
    }
    let counted = count(db.reader(), date, now).await?;
    let tx = db.begin_write().await?;
    let once = OnConflict::column(Column::Date).do_nothing().to_owned();
    Entity::insert(ActiveModel::from(counted))
        .on_conflict(once)
        .exec_without_returning(&tx)
        .await?;
    let stored = find(&tx, date).await?;
    tx.commit().await?;
    stored.ok_or_else(|| DbErr::RecordNotFound(format!("the report of {date}")))
}

async fn count(db: &DatabaseConnection, date: Date, now: Instant) -> Result<Model, DbErr> {
    let (from, to) = bounds(date).ok_or_else(|| DbErr::RecordNotFound(format!("the day {date}")))?;
    let steps: Vec<(String, String, i64)> = steps_query(from, to).into_tuple().all(db).await?;
    let of = |step: &str, status: &str| {
        let these = steps.iter().filter(|(s, how, _)| s == step && how == status);
        whole(these.map(|(_, _, n)| n).sum())
    };
    let mails = steps
        .iter()
        .filter(|(step, status, _)| step.ends_with("_mail") && status == "sent");
    let lateness = lateness(db, from, to).await?;
    let specialists: Vec<(SpecialistId, i64)> = specialists_query(from, to).into_tuple().all(db).await?;
    let cancellations: Option<i64> = cancellations_query(from, to).into_tuple().one(db).await?;
    let clients: Option<i64> = clients_query(from, to).into_tuple().one(db).await?;
    let returning: Option<i64> = returning_query(from, to).into_tuple().one(db).await?;
    Ok(Model {
        date: LocalDate(date),
        bookings: of("confirmation", "done"),
        cancellations: whole(cancellations.unwrap_or_default()),
        no_shows: of("no_show", "done"),
        completed: of("completion", "done"),
        expired_holds: of("hold", "expired"),
        mails_sent: whole(mails.map(|(_, _, n)| n).sum()),
        reminders_sent: of("reminder_mail", "sent"),
        reminder_lateness_max_ms: lateness.max_ms(),
        reminder_lateness_mean_ms: lateness.mean_ms(),
        clients: whole(clients.unwrap_or_default()),
        returning_clients: whole(returning.unwrap_or_default()),
        specialists: Booked(
            specialists
                .into_iter()
                .map(|(id, bookings)| BookedSpecialist { id, bookings })
                .collect(),
        ),
        created_at: now,
    })
}

/// How late the day's reminders were, by the session's start as it is: of one that has moved since, nobody knows any more.
async fn lateness(db: &DatabaseConnection, from: Instant, to: Instant) -> Result<Lateness, DbErr> {
    let reminders: Vec<(String, Instant, Instant, i32)> = reminders_query(from, to).into_tuple().all(db).await?;
    let mut lateness = Lateness::default();
    for (key, sent_at, starts_at, sequence) in reminders {
        match Reminder::of_key(&key) {
            Some(reminder) if reminder.sequence == sequence => lateness.add(reminder.late(starts_at, sent_at)),
            _ => {}
        }
    }
    Ok(lateness)
}

fn happened(from: Instant, to: Instant) -> Select<session_event::Entity> {
    use session_event::Column as Event;
    session_event::Entity::find()
        .select_only()
        .filter(Event::At.gte(from))
        .filter(Event::At.lt(to))
}

/// How often what happened: step, status, number.
#[must_use]
pub fn steps_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    use session_event::Column as Event;
    happened(from, to)
        .columns([Event::Step, Event::Status])
        .column_as(Event::Seq.count(), "n")
        .group_by(Event::Step)
        .group_by(Event::Status)
}

/// The reminders that were sent: key, when, and start and stage of their sessions as they are.
#[must_use]
pub fn reminders_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    use session_event::Column as Event;
    with_session(happened(from, to))
        .column(Event::Key)
        .column(Event::At)
        .column(session::Column::StartsAt)
        .column(session::Column::Sequence)
        .filter(Event::Step.eq("reminder_mail"))
        .filter(Event::Status.eq("sent"))
}

/// Who was booked most.
#[must_use]
pub fn specialists_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    with_session(booked(from, to))
        .column(session::Column::SpecialistId)
        .column_as(session::Column::Id.count(), "n")
        .group_by(session::Column::SpecialistId)
        .order_by_desc(session::Column::Id.count())
        .order_by_asc(session::Column::SpecialistId)
        .limit(TOP)
}

/// How many confirmed sessions were called off.
#[must_use]
pub fn cancellations_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    use session_event::Column as Event;
    let before = Alias::new("before");
    let confirmed = Query::select()
        .expr(Expr::val(1))
        .from_as(session_event::Entity, before.clone())
        .and_where(Expr::col((before.clone(), Event::SessionId)).equals((session_event::Entity, Event::SessionId)))
        .and_where(Expr::col((before, Event::Key)).eq("confirmation:done"))
        .to_owned();
    happened(from, to)
        .column_as(Event::Seq.count(), "n")
        .filter(Event::Step.eq("cancellation"))
        .filter(Event::Status.eq("done"))
        .filter(Expr::exists(confirmed))
}

/// How many people booked.
#[must_use]
pub fn clients_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    with_session(booked(from, to)).column_as(
        Expr::col((session::Entity, session::Column::ClientId)).count_distinct(),
        "n",
    )
}

/// How many of them had had a session before.
#[must_use]
pub fn returning_query(from: Instant, to: Instant) -> Select<session_event::Entity> {
    use session::Column as Session;
    let earlier = Alias::new("earlier");
    let of = |column| Expr::col((earlier.clone(), column));
    let been_here = Query::select()
        .expr(Expr::val(1))
        .from_as(session::Entity, earlier.clone())
        .and_where(of(Session::ClientId).equals((session::Entity, Session::ClientId)))
        // The end decides; the start is in the index, and is before it.
        .and_where(of(Session::StartsAt).lt(from))
        .and_where(of(Session::EndsAt).lte(from))
        .and_where(of(Session::Status).eq(SessionState::Completed))
        .to_owned();
    clients_query(from, to).filter(Expr::exists(been_here))
}

/// The first confirmations of sessions.
fn booked(from: Instant, to: Instant) -> Select<session_event::Entity> {
    happened(from, to).filter(session_event::Column::Key.eq("confirmation:done"))
}

fn with_session(events: Select<session_event::Entity>) -> Select<session_event::Entity> {
    let session: RelationDef = session_event::Entity::belongs_to(session::Entity)
        .from(session_event::Column::SessionId)
        .to(session::Column::Id)
        .into();
    events.join(JoinType::InnerJoin, session)
}

fn whole(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
