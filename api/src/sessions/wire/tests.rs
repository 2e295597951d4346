use super::{BookRequest, CancelRequest, Start};
use crate::{error::ApiError, http::body::read};
use serde_json::{Value, json};
use workflows::sessions::contract::ServiceChoice;

const SPECIALIST: &str = "0190a6c2-7f3e-7d7e-9c55-0f6d3f7f8f10";

fn wrong(body: &Value) -> Vec<String> {
    match read::<BookRequest>(body.to_string().as_bytes()) {
        Err(ApiError::InvalidRequest(errors)) => errors
            .into_iter()
            .map(|error| format!("{} {}", error.field, error.code))
            .collect(),
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn an_instant_or_a_wall_clock_a_duration_or_a_service() {
    let at = json!({"specialist_id": SPECIALIST, "starts_at": "2026-06-01T08:00:00Z", "duration_minutes": 30});
    let wanted = read::<BookRequest>(at.to_string().as_bytes())
        .unwrap()
        .value
        .into_wanted();
    assert!(matches!(
        (wanted.start, wanted.service),
        (Start::At(_), ServiceChoice::Minutes(30))
    ));
    let wall = json!({"specialist_id": SPECIALIST, "date": "2026-06-01", "time": "10:00",
        "time_zone": "Europe/Berlin", "service_id": SPECIALIST, "notes": null});
    let wanted = read::<BookRequest>(wall.to_string().as_bytes())
        .unwrap()
        .value
        .into_wanted();
    assert!(matches!(
        (wanted.start, wanted.service),
        (Start::Wall(..), ServiceChoice::Id(_))
    ));
}

#[test]
fn everything_wrong_is_named() {
    assert_eq!(
        wrong(&json!({})),
        ["starts_at missing", "duration_minutes missing", "specialist_id missing"]
    );
    let both = json!({"specialist_id": "x", "starts_at": "soon", "date": "2026-06-01", "duration_minutes": "30",
        "service_id": SPECIALIST, "notes": "n".repeat(4097), "time_zone": "Mars", "holds": true});
    assert_eq!(
        wrong(&both),
        [
            "starts_at invalid",
            "service_id invalid",
            "specialist_id invalid",
            "starts_at invalid",
            "duration_minutes invalid",
            "notes too_long",
            "time_zone invalid",
            "holds unknown"
        ]
    );
    assert_eq!(
        wrong(&json!({"specialist_id": SPECIALIST, "date": "2026-06-01", "duration_minutes": 30})),
        ["time missing"]
    );
    assert_eq!(
        wrong(
            &json!({"specialist_id": SPECIALIST, "starts_at": "2026-06-01T08:00:00Z", "duration_minutes": 30,
            "recurrence": {"every_weeks": 1}, "repeat": 2})
        ),
        ["recurrence.count missing", "recurrence.mode missing", "repeat unknown"]
    );
}

#[test]
fn a_reason_may_be_given() {
    assert_eq!(read::<CancelRequest>(b"{}").unwrap().value.reason, None);
    assert_eq!(
        read::<CancelRequest>(br#"{"reason": "ill"}"#).unwrap().value.reason,
        Some("ill".to_owned())
    );
    assert!(read::<CancelRequest>(br#"{"cause": "ill"}"#).is_err());
}
