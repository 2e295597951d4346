//! The histories of a world: that they name nobody, and, if that is wanted, kept for the replay tests.

use super::world::World;
use base64::{Engine, engine::general_purpose::STANDARD};
use entities::{series, session, user, waitlist_entry};
use sea_orm::{EntityTrait, QueryOrder};
use std::path::Path;
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::{
    accounts::contract as of_account,
    series::contract as of_series,
    sessions::{contract as of_session, workflow::SessionBooking},
    waitlist::contract as of_list,
};

/// What people of tests are called, and where they are reached and meet.
const PERSONAL: [&str; 6] = [
    "clients.test",
    "specialists.test",
    "Test Client",
    "Test Specialist",
    "meet.example.test",
    "/api/offers/",
];

/// Look at the history of every workflow that this world has had; answers how many events each has, by its id.
///
/// With `RECORD_HISTORIES` set to a folder, the last one of each type is written there, as that of `life`.
///
/// # Panics
/// When one of them names somebody, or is gone.
pub async fn look_at(world: &World, life: &str) -> Vec<(String, usize)> {
    let folder = std::env::var("RECORD_HISTORIES").ok();
    let mut counts = Vec::new();
    for (kind, flow, id) in workflows(world).await {
        let run = world.engine.get_workflow_handle::<SessionBooking>(id.clone());
        let history = run
            .fetch_history(WorkflowFetchHistoryOptions::default())
            .to_json()
            .await;
        let Ok(history) = history else {
            // Nobody waited, or nobody called it off.
            assert!(kind != "session", "{id} has no history");
            continue;
        };
        let text = String::from_utf8(history).unwrap();
        for personal in PERSONAL {
            let encoded = STANDARD.encode(personal);
            assert!(
                !text.contains(personal) && !text.contains(encoded.trim_end_matches('=')),
                "{personal} in the history of {id}"
            );
        }
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        counts.push((id, parsed["events"].as_array().unwrap().len()));
        if let Some(folder) = &folder {
            std::fs::write(Path::new(folder).join(format!("{kind}{flow}_{life}.json")), text).unwrap();
        }
    }
    counts
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
    for row in user::Entity::find().all(db).await.unwrap() {
        if row.deleted_at.is_some() {
            found.push(("account", of_account::CURRENT_FLOW, of_account::workflow_id(row.id)));
        }
    }
    found
}
