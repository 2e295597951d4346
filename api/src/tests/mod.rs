//! The whole service, on a database of its own, with an issuer, and with no engine behind it.

mod calendars;
mod codes;
mod contract;
mod events;
mod identity;
mod limits;
mod offers;
mod problems;
mod reading;
mod refusing;
mod webhooks;

use crate::{app, auth::issuer::Issuer, config::Config, state::State};
use entities::{
    column::{WeeklyHours, Windows, Words},
    schedule, schedule_override, service, session, specialist,
};
use poem::{
    Endpoint, Response,
    test::{TestClient, TestResponse},
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;
use workflows::{
    ids::{SeatGroup, ServiceId, SessionId, SpecialistId, UserId},
    sessions::{contract::workflow_id, state::SessionState},
    time::Instant,
};

/// A service and what it stands on.
pub(crate) struct TestApp<E> {
    pub client: TestClient<E>,
    pub state: State,
    pub issuer: Issuer,
    _folder: TempDir,
}

/// Everything but an engine.
pub(crate) async fn start() -> TestApp<impl Endpoint<Output = Response>> {
    start_with(|config| config).await
}

pub(crate) async fn start_with(change: impl FnOnce(Config) -> Config) -> TestApp<impl Endpoint<Output = Response>> {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(SocketAddr::from(([127, 0, 0, 1], 0)), None)
        .await
        .unwrap();
    let mut config = Config::for_test();
    config.database_url = format!("sqlite://{}", folder.path().join("test.db").display()).into();
    config.issuer = Url::parse(issuer.url()).unwrap();
    config.jwks = Url::parse(&format!("{}/protocol/openid-connect/certs", issuer.url())).unwrap();
    let state = State::connect(&change(config)).await.unwrap();
    migration::up(state.db.writer()).await.unwrap();
    TestApp {
        client: TestClient::new(app(state.clone())),
        state,
        issuer,
        _folder: folder,
    }
}

/// `Authorization` of `user`, with roles.
pub(crate) fn bearer(issuer: &Issuer, user: &str, roles: &[&str]) -> String {
    format!("Bearer {}", issuer.token(user, roles, 600))
}

/// The status and the JSON of an answer.
pub(crate) async fn told(response: TestResponse) -> (u16, Value) {
    let status = response.0.status().as_u16();
    let body = response.0.into_body().into_vec().await.unwrap();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)))
    };
    (status, body)
}

/// The status and the code of a problem, whose shape is checked on the way.
pub(crate) async fn problem(response: TestResponse) -> (u16, String, Value) {
    let content_type = response.0.header("content-type").map(str::to_owned);
    let request_id = response.0.header("x-request-id").map(str::to_owned);
    let (status, body) = told(response).await;
    assert_eq!(content_type.as_deref(), Some("application/problem+json"), "{body}");
    for field in ["type", "title", "detail", "instance", "error", "message", "request_id"] {
        assert!(body[field].is_string(), "{field} is missing from {body}");
    }
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"].as_str(), request_id.as_deref());
    (status, body["error"].as_str().unwrap().to_owned(), body)
}

/// The fields that a problem names.
pub(crate) fn fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| {
            format!(
                "{} {}",
                error["field"].as_str().unwrap(),
                error["code"].as_str().unwrap()
            )
        })
        .collect()
}

/// Ten in the morning of a Monday far ahead, in UTC.
pub(crate) fn monday() -> Instant {
    "2031-06-02T10:00:00Z".parse().unwrap()
}

/// A specialist who works every weekday from nine to five UTC, half an hour at a time.
pub(crate) async fn specialist(state: &State, name: &str, login: Option<UserId>) -> SpecialistId {
    let now: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
    let id = SpecialistId(Uuid::now_v7());
    let row = specialist::Model {
        id,
        user_id: login,
        name: name.to_owned(),
        title: "Coach".to_owned(),
        bio: "Listens.".to_owned(),
        email: format!("{name}@example.test"),
        specialties: Words(vec!["tarot".to_owned()]),
        languages: Words(vec!["de".to_owned(), "en".to_owned()]),
        time_zone: "UTC".to_owned(),
        active: true,
        rating_sum: 13,
        review_count: 3,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let db = state.db.writer();
    row.into_active_model().insert(db).await.unwrap();
    let hours = json!([["09:00", "17:00"]]);
    let weekly = json!({"mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours});
    let rules = schedule::Model {
        specialist_id: id,
        weekly: WeeklyHours(serde_json::from_value(weekly).unwrap()),
        minimum_notice_minutes: 60,
        booking_window_days: None,
        book_until: None,
        max_per_day: None,
        max_per_week: None,
        cancel_notice_minutes: 1_440,
        reschedule_notice_minutes: 60,
        max_reschedules: None,
        hold_minutes: 10,
        version: 1,
        updated_at: now,
    };
    rules.into_active_model().insert(db).await.unwrap();
    service(state, id, 0, 30).await;
    id
}

/// Something more that a specialist offers.
pub(crate) async fn service(state: &State, specialist: SpecialistId, position: i32, minutes: i32) -> ServiceId {
    let id = ServiceId(Uuid::now_v7());
    let row = service::Model {
        id,
        specialist_id: specialist,
        position,
        name: format!("{minutes} minutes"),
        duration_minutes: minutes,
        slot_interval_minutes: minutes,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        capacity: 1,
        price_minor: i64::from(minutes) * 100,
        currency: "EUR".to_owned(),
        active: true,
    };
    row.into_active_model().insert(state.db.writer()).await.unwrap();
    id
}

/// A day off.
pub(crate) async fn day_off(state: &State, specialist: SpecialistId, date: &str) {
    let row = schedule_override::Model {
        specialist_id: specialist,
        date: entities::column::LocalDate(date.parse().unwrap()),
        windows: Windows::default(),
    };
    row.into_active_model().insert(state.db.writer()).await.unwrap();
}

/// A session as its step would have written it.
pub(crate) async fn session(
    state: &State,
    id: SessionId,
    client: UserId,
    specialist: SpecialistId,
    starts_at: Instant,
    status: SessionState,
    hash: &str,
) -> session::Model {
    let services = service::active_of(state.db.reader(), [specialist]).await.unwrap();
    let now: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
    let row = session::Model {
        id,
        workflow_id: workflow_id(id),
        specialist_id: specialist,
        client_id: client,
        service_id: services[0].id,
        series_id: None,
        status,
        starts_at,
        ends_at: starts_at.plus_minutes(30),
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        blocks_from: starts_at,
        blocks_until: starts_at.plus_minutes(30),
        seat_group: SeatGroup(id.0),
        seat: 1,
        hold_expires_at: None,
        time_zone: "UTC".to_owned(),
        notes_id: None,
        cancel_reason_id: None,
        meeting_url: (status == SessionState::Confirmed).then(|| "https://meet.example.test/room".to_owned()),
        meeting_ref: None,
        meeting_key: None,
        late_cancel: None,
        failure: None,
        sequence: 0,
        version: 3,
        event_seq: 0,
        request_hash: hash.to_owned(),
        cancel_notice_minutes: 1_440,
        reschedule_notice_minutes: 60,
        max_reschedules: None,
        reschedules: 0,
        reminder_offsets: entities::column::OffsetsMinutes(vec![60]),
        created_at: now,
        updated_at: now,
        closed_at: None,
    };
    session::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(state.db.writer())
        .await
        .unwrap();
    row
}
