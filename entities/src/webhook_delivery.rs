//! What endpoints are to be told, were told, and could not be told.
//!
//! A row is written in the transaction of the event that it tells of, for each endpoint that wants it, with what the
//! session was then: nothing is lost when a worker dies, and what is told is what happened, however late. One of a
//! disabled endpoint is given up at once, and there to be replayed.

use crate::{
    db::Db,
    follow_up::{self, Work},
    session, session_event,
    session_event::NewEvent,
    webhook_endpoint,
};
use sea_orm::{
    ActiveValue::Set,
    Condition, DatabaseTransaction, PaginatorTrait, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict, SimpleExpr},
};
use std::collections::BTreeSet;
use workflows::{
    ids::{SessionId, WebhookId},
    sessions::state::SessionState,
    time::Instant,
    webhooks::rules::{EventType, PING},
};

/// Deliveries that are done with are kept so long: what can be replayed.
pub const KEPT_DAYS: i64 = 30;

/// Why one of a disabled endpoint was given up.
pub const DISABLED: &str = "endpoint_disabled";

/// An event, for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// Who is told.
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: WebhookId,
    /// Of which session; of a test call, its own id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The event's number in its session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    /// What happened.
    pub event_type: String,
    /// When.
    pub at: Instant,
    /// Where the session stood then.
    pub session_status: Option<SessionState>,
    /// Its start then.
    pub starts_at: Option<Instant>,
    /// Its end then.
    pub ends_at: Option<Instant>,
    /// The calendar's SEQUENCE then.
    pub sequence: Option<i32>,
    /// How often it was attempted, since it was last asked for.
    pub attempts: i32,
    /// When that began.
    pub first_attempt_at: Option<Instant>,
    /// When it was last attempted.
    pub last_attempt_at: Option<Instant>,
    /// What the receiver answered last.
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it succeeded.
    pub delivered_at: Option<Instant>,
    /// When it was given up.
    pub gave_up_at: Option<Instant>,
}

impl Model {
    /// Whether it is still to be told.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.delivered_at.is_none() && self.gave_up_at.is_none()
    }
}

/// What a delivery refers to: nothing that is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An event that others may have asked to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    seq: i32,
    kind: EventType,
    at: Instant,
}

impl Told {
    /// Those among `events`, which begin behind `after`.
    pub(crate) fn of(events: &[NewEvent], after: i32) -> Vec<Self> {
        let told = |(event, seq): (&NewEvent, i32)| {
            EventType::of_step(&event.step, &event.status).map(|kind| Self {
                seq,
                kind,
                at: event.at,
            })
        };
        events.iter().zip(after + 1..).filter_map(told).collect()
    }
}

/// Write down for each endpoint what it wants to be told of, and have it told; in the transaction of the events.
pub(crate) async fn tell(tx: &DatabaseTransaction, session: SessionId, told: Vec<Told>) -> Result<(), DbErr> {
    let Some(now) = told.last().map(|event| event.at) else {
        return Ok(());
    };
    let endpoints = webhook_endpoint::all(tx).await?;
    if endpoints.is_empty() {
        return Ok(());
    }
    let Some(row) = session::by_id(tx, session).await? else {
        return Ok(());
    };
    // An event that was there already was left out, and with it what is told of it.
    let stored: Vec<i32> = session_event::Entity::find()
        .select_only()
        .column(session_event::Column::Seq)
        .filter(session_event::Column::SessionId.eq(session))
        .filter(session_event::Column::Seq.is_in(told.iter().map(|event| event.seq)))
        .into_tuple()
        .all(tx)
        .await?;
    let mut rows = Vec::new();
    let mut to_tell = false;
    for event in told.into_iter().filter(|event| stored.contains(&event.seq)) {
        let wanting = endpoints.iter().filter(|endpoint| endpoint.wants(event.kind.as_str()));
        for endpoint in wanting {
            to_tell |= endpoint.enabled;
            let withheld = !endpoint.enabled;
            rows.push(ActiveModel {
                endpoint_id: Set(endpoint.id),
                session_id: Set(session),
                seq: Set(event.seq),
                event_type: Set(event.kind.as_str().to_owned()),
                at: Set(event.at),
                session_status: Set(Some(row.status)),
                starts_at: Set(Some(row.starts_at)),
                ends_at: Set(Some(row.ends_at)),
                sequence: Set(Some(row.sequence)),
                attempts: Set(0),
                first_attempt_at: Set(None),
                last_attempt_at: Set(None),
                last_status: Set(None),
                last_error: Set(withheld.then(|| DISABLED.to_owned())),
                delivered_at: Set(None),
                gave_up_at: Set(withheld.then_some(event.at)),
            });
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let once = OnConflict::columns([Column::EndpointId, Column::SessionId, Column::Seq])
        .do_nothing()
        .to_owned();
    Entity::insert_many(rows)
        .on_conflict(once)
        .exec_without_returning(tx)
        .await?;
    if to_tell {
        follow_up::insert(tx, Work::SessionTold { session }, now).await?;
    }
    Ok(())
}

/// Have an endpoint called without anything having happened, under an id of its own.
///
/// # Errors
/// Whatever the database says.
pub async fn ping(tx: &DatabaseTransaction, endpoint: WebhookId, id: SessionId, now: Instant) -> Result<(), DbErr> {
    let row = Model {
        endpoint_id: endpoint,
        session_id: id,
        seq: 1,
        event_type: PING.to_owned(),
        at: now,
        session_status: None,
        starts_at: None,
        ends_at: None,
        sequence: None,
        attempts: 0,
        first_attempt_at: None,
        last_attempt_at: None,
        last_status: None,
        last_error: None,
        delivered_at: None,
        gave_up_at: None,
    };
    Entity::insert(ActiveModel::from(row))
        .exec_without_returning(tx)
        .await?;
    follow_up::insert(tx, Work::WebhookChanged { endpoint, session: id }, now).await
}

/// A delivery.
///
/// # Errors
/// Whatever the database says.
pub async fn by_id(
    db: &impl ConnectionTrait,
    endpoint: WebhookId,
    session: SessionId,
    seq: i32,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((endpoint, session, seq)).one(db).await
}

/// The first event of a session that an endpoint has yet to be told of.
///
/// # Errors
/// Whatever the database says.
pub async fn next(db: &impl ConnectionTrait, endpoint: WebhookId, session: SessionId) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::SessionId.eq(session))
        .filter(open())
        .order_by_asc(Column::Seq)
        .one(db)
        .await
}

/// The endpoints that have yet to be told of a session.
///
/// # Errors
/// Whatever the database says.
pub async fn waiting_for(db: &impl ConnectionTrait, session: SessionId) -> Result<Vec<WebhookId>, DbErr> {
    let endpoints = webhook_endpoint::all(db).await?;
    Entity::find()
        .select_only()
        .column(Column::EndpointId)
        .distinct()
        .filter(Column::EndpointId.is_in(endpoints.iter().map(|endpoint| endpoint.id)))
        .filter(Column::SessionId.eq(session))
        .filter(open())
        .into_tuple()
        .all(db)
        .await
}

/// Up to `n` pairs of an endpoint and a session of which it has yet to be told since `before` at the latest, behind
/// `after` in their order.
///
/// # Errors
/// Whatever the database says.
///
/// # Cost
/// One look into an index that holds only what is yet to be told.
pub async fn waiting(
    db: &impl ConnectionTrait,
    after: Option<(WebhookId, SessionId)>,
    before: Instant,
    n: u64,
) -> Result<Vec<(WebhookId, SessionId)>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::EndpointId)
        .column(Column::SessionId)
        .distinct()
        .filter(open())
        .filter(Column::At.lte(before))
        .order_by_asc(Column::EndpointId)
        .order_by_asc(Column::SessionId)
        .limit(n);
    if let Some((endpoint, session)) = after {
        let same = Column::EndpointId.eq(endpoint).and(Column::SessionId.gt(session));
        query = query.filter(Column::EndpointId.gt(endpoint).or(same));
    }
    query.into_tuple().all(db).await
}

/// Where a page of deliveries ended.
pub type After = (Instant, SessionId, i32);

/// A page of what an endpoint is told, newest first, or of what could not be told; `after` is the last of the page before.
///
/// # Errors
/// Whatever the database says.
pub async fn page(
    db: &impl ConnectionTrait,
    endpoint: WebhookId,
    failed: bool,
    after: Option<After>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::EndpointId.eq(endpoint)).limit(limit);
    if failed {
        query = query.filter(Column::GaveUpAt.is_not_null());
    }
    if let Some((at, session, seq)) = after {
        let in_session = Condition::all()
            .add(Column::SessionId.eq(session))
            .add(Column::Seq.lt(seq));
        let behind = Condition::any()
            .add(Column::At.lt(at))
            .add(Column::SessionId.gt(session))
            .add(in_session);
        query = query.filter(Column::At.lte(at)).filter(behind);
    }
    query
        .order_by_desc(Column::At)
        .order_by_asc(Column::SessionId)
        .order_by_desc(Column::Seq)
        .all(db)
        .await
}

/// Put an attempt on record: the one behind `attempts` others. Answers the row as it is then, or nothing when it is not at
/// that attempt any more.
///
/// # Errors
/// Whatever the database says.
pub async fn attempted(
    tx: &DatabaseTransaction,
    row: &Model,
    changes: ActiveModel,
    now: Instant,
) -> Result<Option<Model>, DbErr> {
    let first = row.first_attempt_at.unwrap_or(now);
    let changed = Entity::update_many()
        .set(changes)
        .col_expr(Column::Attempts, Expr::value(row.attempts + 1))
        .col_expr(Column::FirstAttemptAt, Expr::value(first))
        .col_expr(Column::LastAttemptAt, Expr::value(now))
        .filter(Column::EndpointId.eq(row.endpoint_id))
        .filter(Column::SessionId.eq(row.session_id))
        .filter(Column::Seq.eq(row.seq))
        .filter(Column::Attempts.eq(row.attempts))
        .filter(open())
        .exec_with_returning(tx)
        .await?;
    Ok(changed.into_iter().next())
}

/// Whether anything has reached an endpoint since then.
///
/// # Errors
/// Whatever the database says.
pub async fn any_delivered_since(
    db: &impl ConnectionTrait,
    endpoint: WebhookId,
    since: Instant,
) -> Result<bool, DbErr> {
    let found = Entity::find()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::DeliveredAt.gte(since))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Give up what a disabled endpoint has yet to be told, of one session or of all.
///
/// # Errors
/// Whatever the database says.
pub async fn withhold(
    tx: &DatabaseTransaction,
    endpoint: WebhookId,
    session: Option<SessionId>,
    now: Instant,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::GaveUpAt, Expr::value(now))
        .col_expr(Column::LastError, Expr::value(DISABLED))
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::EventType.ne(PING))
        .filter(open());
    if let Some(session) = session {
        update = update.filter(Column::SessionId.eq(session));
    }
    update.exec(tx).await.map(drop)
}

/// What is to be told once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Of this session only.
    pub session: Option<SessionId>,
    /// Everything that happened then or later, told or not; what was given up otherwise.
    pub since: Option<Instant>,
}

/// Have an endpoint told once more; how many events that are, or nothing when there are more than `limit`.
///
/// # Errors
/// Whatever the database says.
pub async fn replay(
    tx: &DatabaseTransaction,
    endpoint: WebhookId,
    what: Replay,
    limit: u64,
    now: Instant,
) -> Result<Option<usize>, DbErr> {
    let Replay { session, since } = what;
    let mut which = Condition::all()
        .add(Column::EndpointId.eq(endpoint))
        .add(Column::EventType.ne(PING));
    if let Some(session) = session {
        which = which.add(Column::SessionId.eq(session));
    }
    // What is still open is told in any case.
    which = match since {
        Some(since) => which.add(Column::At.gte(since)).add(open().not()),
        None => which.add(Column::GaveUpAt.is_not_null()),
    };
    if limit < Entity::find().filter(which.clone()).count(tx).await? {
        return Ok(None);
    }
    let replayed = Entity::update_many()
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::FirstAttemptAt, Expr::value(None::<Instant>))
        .col_expr(Column::DeliveredAt, Expr::value(None::<Instant>))
        .col_expr(Column::GaveUpAt, Expr::value(None::<Instant>))
        .filter(which)
        .exec_with_returning(tx)
        .await?;
    let sessions: BTreeSet<SessionId> = replayed.iter().map(|row| row.session_id).collect();
    let works = sessions
        .into_iter()
        .map(|session| Work::WebhookChanged { endpoint, session });
    follow_up::insert_all(tx, works.collect(), now).await?;
    Ok(Some(replayed.len()))
}

/// Forget all deliveries of an endpoint; the workflows of those that were open are told, and end.
///
/// # Errors
/// Whatever the database says.
pub async fn delete(tx: &DatabaseTransaction, endpoint: WebhookId, now: Instant) -> Result<(), DbErr> {
    let sessions: Vec<SessionId> = Entity::find()
        .select_only()
        .column(Column::SessionId)
        .distinct()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(open())
        .into_tuple()
        .all(tx)
        .await?;
    Entity::delete_many()
        .filter(Column::EndpointId.eq(endpoint))
        .exec(tx)
        .await?;
    let works = sessions
        .into_iter()
        .map(|session| Work::WebhookChanged { endpoint, session });
    follow_up::insert_all(tx, works.collect(), now).await
}

/// Remove what has been done with for [`KEPT_DAYS`]; how many that were.
///
/// # Errors
/// Whatever the database says.
pub async fn sweep(db: &Db, now: Instant) -> Result<u64, DbErr> {
    let before = now.plus_minutes(-KEPT_DAYS * 24 * 60);
    let mut n = 0;
    for endpoint in webhook_endpoint::all(db.reader()).await? {
        let tx = db.begin_write().await?;
        let swept = Entity::delete_many()
            .filter(Column::EndpointId.eq(endpoint.id))
            .filter(Column::At.lt(before))
            .filter(open().not())
            .exec(&tx)
            .await?;
        tx.commit().await?;
        n += swept.rows_affected;
    }
    Ok(n)
}

/// Neither told nor given up, spelled out: the planner takes the partial index only for a condition that it can read.
fn open() -> SimpleExpr {
    Expr::cust("(delivered_at IS NULL AND gave_up_at IS NULL)")
}
