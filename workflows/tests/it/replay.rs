//! Recorded histories replay: sessions that are open when this commit is deployed go on.
//!
//! `make record` writes the histories of today's code; a history is never rewritten once released, a new one is added.

use serde_json::Value;
use std::{fs, path::PathBuf};
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use workflows::{
    accounts::workflow::AccountDeletion,
    busy_feeds::workflow::BusyFeed,
    carried::carried,
    insights::workflow::DailyInsights,
    reconciliation::workflow::Reconciliation,
    reports::workflow::DailyReport,
    series::workflow::{SeriesBooking, SeriesCancellation},
    sessions::workflow::SessionBooking,
    waitlist::workflow::Waitlist,
    webhooks::workflow::WebhookDelivery,
};

fn histories() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

async fn replay(json: &[u8]) -> Result<(), String> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<SessionBooking>()
        .unwrap()
        .register_workflow::<SeriesBooking>()
        .unwrap()
        .register_workflow::<SeriesCancellation>()
        .unwrap()
        .register_workflow::<Waitlist>()
        .unwrap()
        .register_workflow::<BusyFeed>()
        .unwrap()
        .register_workflow::<DailyInsights>()
        .unwrap()
        .register_workflow::<DailyReport>()
        .unwrap()
        .register_workflow::<AccountDeletion>()
        .unwrap()
        .register_workflow::<WebhookDelivery>()
        .unwrap()
        .register_workflow::<Reconciliation>()
        .unwrap()
        .workflow_interceptor(carried())
        .build();
    let replayer = WorkflowReplayer::new(options).unwrap();
    let history = WorkflowHistory::from_json(json).unwrap();
    replayer
        .replay_workflow(history)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_history_replays() {
    let files = histories();
    for kind in [
        "flow1",
        "session2",
        "series1",
        "cancellation1",
        "waitlist1",
        "busyfeed1",
        "insights1",
        "report1",
        "account1",
        "webhook1",
        "reconciliation1",
    ] {
        let is = |file: &&PathBuf| file.file_name().unwrap().to_string_lossy().starts_with(kind);
        assert!(files.iter().any(|file| is(&file)), "no history of {kind} is checked in");
    }
    for file in files {
        replay(&fs::read(&file).unwrap())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_whose_steps_are_swapped_does_not_replay() {
    let mut swapped = 0;
    for file in histories() {
        let mut history: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        if !swap_timer_and_mail(history["events"].as_array_mut().unwrap()) {
            continue;
        }
        swapped += 1;
        let error = replay(&serde_json::to_vec(&history).unwrap())
            .await
            .expect_err("the order of steps is history");
        assert!(
            error.to_lowercase().contains("nondetermin"),
            "{}: {error}",
            file.display()
        );
    }
    assert!(5 <= swapped, "lives wait and write: {swapped}");
}

/// Make it a history in which the confirmation mail was asked for before the wait for the first reminder began;
/// nothing, when both were not asked for in one task.
fn swap_timer_and_mail(events: &mut [Value]) -> bool {
    let is = |event: &Value, kind: &str| event["attributes"].get(format!("{kind}EventAttributes")).is_some();
    let Some(timer) = events
        .windows(2)
        .position(|pair| is(&pair[0], "TimerStarted") && is(&pair[1], "ActivityTaskScheduled"))
    else {
        return false;
    };
    for field in ["attributes", "event_type", "user_metadata"] {
        let (first, second) = events.split_at_mut(timer + 1);
        std::mem::swap(&mut first[timer][field], &mut second[0][field]);
    }
    // What refers to the two by their place in the history follows them.
    let (timer_id, mail_id) = (timer as i64 + 1, timer as i64 + 2);
    for event in events {
        for attributes in event["attributes"].as_object_mut().unwrap().values_mut() {
            for (field, from, to) in [
                ("started_event_id", timer_id, mail_id),
                ("scheduled_event_id", mail_id, timer_id),
            ] {
                if attributes.get(field).and_then(Value::as_i64) == Some(from) {
                    attributes[field] = to.into();
                }
            }
        }
    }
    true
}
