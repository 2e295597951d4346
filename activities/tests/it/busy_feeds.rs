//! Calendars elsewhere, without the HTTP layer.

use crate::support::in_days;
use activities::testing::{
    database::Kind,
    engine::try_skip,
    histories,
    stranger::{Says, Stranger},
    wait::{PATIENCE, until, within},
    world::{Setup, World},
};
use entities::{
    busy_feed::{self, FeedUrl},
    busy_interval,
    db::{self, lock_specialist},
};
use temporalio_client::{
    WorkflowDescribeOptions, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle,
};
use url::Url;
use workflows::{
    busy_feeds::{
        contract::{CURRENT_FLOW, workflow_id},
        workflow::BusyFeed,
    },
    ids::{BusyFeedId, SpecialistId},
    time::Instant,
};

/// Somebody's calendar with an hour that is taken.
pub async fn calendar_at(start: Instant) -> Stranger {
    let text = hour_at(start);
    Stranger::new(move |_| Says::This(200, Vec::new(), text.clone().into_bytes())).await
}

fn hour_at(start: Instant) -> String {
    let start = start.timestamp().strftime("%Y%m%dT%H%M%SZ");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a@elsewhere\r\n\
         DTSTART:{start}\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// Give a specialist these calendars and no others, as the HTTP layer does.
pub async fn give(world: &World, specialist: SpecialistId, urls: &[Url]) -> Vec<BusyFeedId> {
    let urls: Vec<_> = urls.iter().map(|url| FeedUrl(url.to_string())).collect();
    let tx = world.database.db.begin_write().await.unwrap();
    lock_specialist(&tx, specialist).await.unwrap();
    let now = db::now(&tx).await.unwrap();
    busy_feed::replace(&tx, specialist, &urls, now).await.unwrap();
    let feeds = busy_feed::of_specialist(&tx, specialist).await.unwrap();
    tx.commit().await.unwrap();
    feeds.into_iter().map(|feed| feed.id).collect()
}

/// Wait until the feed was read and blocks so many times.
pub async fn until_read(world: &World, feed: BusyFeedId, n: usize) -> busy_feed::Model {
    until(&format!("{feed} is read"), async || {
        let db = world.database.db.reader();
        let row = busy_feed::by_id(db, feed).await.unwrap().unwrap();
        let busy = busy_interval::of_feed(db, feed).await.unwrap();
        (row.last_success_at.is_some() && busy.len() == n).then_some(row)
    })
    .await
}

/// Wait until its run has ended.
pub async fn until_ended(world: &World, feed: BusyFeedId) {
    until(&format!("the run of {feed} ends"), async || {
        let run = describe(world, feed, None).await?;
        (run.status() == WorkflowExecutionStatus::Completed).then_some(())
    })
    .await;
}

/// One of its runs, or the last.
async fn describe(world: &World, feed: BusyFeedId, run_id: Option<String>) -> Option<WorkflowExecutionDescription> {
    let last: WorkflowHandle<_, BusyFeed> = world.engine.get_workflow_handle(workflow_id(feed));
    let mut info = last.info().clone();
    info.run_id = run_id;
    let run: WorkflowHandle<_, BusyFeed> = WorkflowHandle::new(world.engine.clone(), info);
    run.describe(WorkflowDescribeOptions::default()).await.ok()
}

/// Look at its history, and keep it if histories are recorded.
pub async fn look_at(world: &World, feed: BusyFeedId, life: &str) -> usize {
    let n = histories::one(world, life, "busyfeed", CURRENT_FLOW, &workflow_id(feed)).await;
    n.expect("it has run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_read_again_and_again_in_runs_that_stay_short() {
    let calendar = calendar_at(in_days(3)).await;
    let setup = Setup {
        reach: calendar.reach(),
        ..Default::default()
    };
    let world = World::with(Kind::Postgres, setup).await;
    let specialist = world.specialist().create().await;
    let feed = give(&world, specialist.id, &[calendar.url("/secret-calendar.ics")]).await[0];
    until_read(&world, feed, 1).await;
    let mut runs = Vec::new();
    within(4 * PATIENCE, "its run is followed by another", async || {
        let run = describe(&world, feed, None).await?;
        let id = run.run_id().to_owned();
        // A fresh run has its own time.
        if !runs.contains(&id) && try_skip(&world.engine, &workflow_id(feed), None).await.is_ok() {
            runs.push(id);
        }
        (2 <= runs.len()).then_some(())
    })
    .await;
    give(&world, specialist.id, &[]).await;
    until_ended(&world, feed).await;
    eprintln!("{} readings", calendar.asked().len());
    for run in runs {
        let n = describe(&world, feed, Some(run)).await.unwrap().history_length();
        assert!(n < 1_000, "{n} events");
    }
}
