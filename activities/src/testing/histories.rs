//! The histories of a world: that they name nobody, and, if that is wanted, kept for the replay tests.

use super::world::World;
use base64::{Engine, engine::general_purpose::STANDARD};
use entities::{daily_insight, daily_report, series, session, user, waitlist_entry, webhook_delivery};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;
use std::path::Path;
use temporalio_client::WorkflowFetchHistoryOptions;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use workflows::{
    accounts::contract as of_account,
    insights::contract as of_insights,
    reports::contract as of_report,
    series::contract as of_series,
    sessions::{contract as of_session, workflow::SessionBooking},
    waitlist::contract as of_list,
    webhooks::contract as of_webhook,
};

/// What people of tests are called, and where they are reached and meet.
const PERSONAL: [&str; 10] = [
    "clients.test",
    "specialists.test",
    "Test Client",
    "Test Specialist",
    "meet.example.test",
    "/api/offers/",
    "secret-calendar",
    "operators.test",
    "receivers.test",
    "whsec_",
];

/// Look at the history of every workflow that this world has had; answers how many events each has, by its id.
///
/// With `RECORD_HISTORIES` set to a folder, the last one of each type is written there, as that of `life`.
///
/// # Panics
/// When one of them names somebody, or is gone.
pub async fn look_at(world: &World, life: &str) -> Vec<(String, usize)> {
    let mut counts = Vec::new();
    for (kind, flow, id) in workflows(world).await {
        let n = one(world, life, kind, flow, &id).await;
        // Otherwise nobody waited, or nobody called it off.
        assert!(n.is_some() || kind != "session", "{id} has no history");
        counts.extend(n.map(|n| (id, n)));
    }
    counts
}

/// What happened in a workflow's latest run, one word an event: for whoever asks why it does not go on.
pub async fn outline(world: &World, id: &str) -> String {
    let run = world.engine.get_workflow_handle::<SessionBooking>(id);
    let history = run.fetch_history(WorkflowFetchHistoryOptions::default());
    let Ok(events) = history.into_events().await else {
        return "no history".to_owned();
    };
    let word = |event: &HistoryEvent| {
        let at = event.event_time.map(|at| at.seconds).unwrap_or_default();
        let name = event
            .event_type()
            .as_str_name()
            .trim_start_matches("EVENT_TYPE_")
            .to_owned();
        format!("{}@{at} {name}", event.event_id)
    };
    events.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// As [`look_at`], of a workflow that leaves no row; how many events it has, unless it is gone.
///
/// # Panics
/// When it names somebody.
pub async fn one(world: &World, life: &str, kind: &str, flow: u32, id: &str) -> Option<usize> {
    let run = world.engine.get_workflow_handle::<SessionBooking>(id);
    let history = run
        .fetch_history(WorkflowFetchHistoryOptions::default())
        .to_json()
        .await;
    let text = String::from_utf8(history.ok()?).unwrap();
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let said = said(&parsed);
    assert!(
        said.iter().any(|text| text.contains('{')),
        "no payload of {id} was read"
    );
    for personal in PERSONAL {
        let found = said.iter().find(|text| text.contains(personal));
        assert!(found.is_none(), "{personal} in the history of {id}: {found:?}");
    }
    if let Ok(folder) = std::env::var("RECORD_HISTORIES") {
        std::fs::write(Path::new(&folder).join(format!("{kind}{flow}_{life}.json")), text).unwrap();
    }
    Some(parsed["events"].as_array().unwrap().len())
}

/// Every text of a history, those of its payloads decoded.
fn said(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let decoded = STANDARD
                .decode(text)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.into_iter().chain([text.clone()]).collect()
        }
        Value::Array(all) => all.iter().flat_map(said).collect(),
        Value::Object(fields) => {
            let named = |(name, value): (&String, &Value)| said(value).into_iter().chain([name.clone()]);
            fields.iter().flat_map(named).collect()
        }
        _ => Vec::new(),
    }
}

/// Type, flow and id, in the order of their rows.
async fn workflows(world: &World) -> Vec<(&'static str, u32, String)> {
    let db = world.database.db.reader();
    let mut found = Vec::new();
    let sessions = session::Entity::find().order_by_asc(session::Column::CreatedAt);
    for row in sessions.all(db).await.unwrap() {
        found.push(("session", of_session::CURRENT_FLOW, row.workflow_id));
    }
    for row in series::Entity::find().all(db).await.unwrap() {
        found.push(("series", of_series::CURRENT_FLOW, of_series::workflow_id(row.id)));
        let id = of_series::cancellation_id(row.id);
        found.push(("cancellation", of_series::CURRENT_FLOW, id));
    }
    for row in waitlist_entry::Entity::find().all(db).await.unwrap() {
        found.push((
            "waitlist",
            of_list::CURRENT_FLOW,
            of_list::workflow_id(row.specialist_id),
        ));
    }
    if daily_insight::Entity::find().one(db).await.unwrap().is_some() {
        let id = of_insights::schedule_id(&world.queue);
        found.push(("insights", of_insights::CURRENT_FLOW, id));
    }
    if daily_report::Entity::find().one(db).await.unwrap().is_some() {
        let id = of_report::schedule_id(&world.queue);
        found.push(("report", of_report::CURRENT_FLOW, id));
    }
    for row in user::Entity::find().all(db).await.unwrap() {
        if row.deleted_at.is_some() {
            found.push(("account", of_account::CURRENT_FLOW, of_account::workflow_id(row.id)));
        }
    }
    for row in webhook_delivery::Entity::find().all(db).await.unwrap() {
        let id = of_webhook::workflow_id(row.endpoint_id, row.session_id);
        if !found.iter().any(|(_, _, known)| *known == id) {
            found.push(("webhook", of_webhook::CURRENT_FLOW, id));
        }
    }
    found
}
