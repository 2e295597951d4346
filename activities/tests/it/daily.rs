//! What is done daily: the schedules, the runs they start, and what those come to.

use activities::{
    schedules::{CATCH_UP, Schedules, Timetable},
    testing::{
        database::Kind,
        wait::until,
        world::{REPORT_RECIPIENTS, Setup, World},
    },
};
use entities::{daily_insight, daily_report, insight_text, report_mail};
use futures::StreamExt;
use jiff::{Timestamp, ToSpan, civil::Date};
use sea_orm::{EntityTrait, PaginatorTrait};
use std::time::{Duration, SystemTime};
use temporalio_client::{
    WorkflowGetResultOptions, WorkflowIdReusePolicy, WorkflowStartOptions,
    schedules::{
        DeleteScheduleOptions, ListSchedulesOptions, PauseScheduleOptions, ScheduleBackfill, ScheduleDescription,
        ScheduleDescriptionAction, ScheduleOverlapPolicy, TriggerScheduleOptions,
    },
};
use uuid::Uuid;
use workflows::{
    ids::InsightTextId,
    insights::{
        contract::{self as insights, COMING_DAYS, PrepareInsights, Prepared},
        days::utc,
        language::Language,
        workflow::DailyInsights,
    },
    reconciliation::contract::{self as reconciliation, EVERY_MINUTES},
    reports::{
        contract::{self as reports, ReportDay},
        rules::last_over,
        workflow::DailyReport,
    },
    sessions::contract::Mailed,
    time::Instant,
};

/// At six, as by default.
const AT_SIX: Timetable = Timetable { report_hour_utc: 6 };

fn now() -> Instant {
    Instant::new(Timestamp::now())
}

/// A world whose worker keeps the schedules.
async fn scheduled(kind: Kind) -> World {
    let setup = Setup {
        timetable: Some(AT_SIX),
        ..Default::default()
    };
    World::with(kind, setup).await
}

/// A small library in two languages.
pub async fn library(world: &World) {
    let tx = world.database.db.begin_write().await.unwrap();
    for n in 0..12_u128 {
        let text = insight_text::Model {
            id: InsightTextId(Uuid::from_u128(n)),
            language: if n < 8 { "en" } else { "de" }.to_owned(),
            sign: None,
            title: None,
            text: format!("Text {n}"),
            active: true,
            version: 1,
            created_at: now(),
            updated_at: now(),
        };
        insight_text::insert(&tx, text).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Have the coming days prepared, without a schedule.
pub async fn prepare(world: &World) -> Result<Prepared, String> {
    let input = PrepareInsights {
        flow: insights::CURRENT_FLOW,
        coming_days: COMING_DAYS,
    };
    let options = WorkflowStartOptions::new(&world.queue, insights::schedule_id(&world.queue))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .build();
    let run = world
        .engine
        .start_workflow(DailyInsights::run, input, options)
        .await
        .unwrap();
    let ended = run.get_result(WorkflowGetResultOptions::default()).await;
    ended.map_err(|error| error.to_string())
}

/// Have a day reported, without a schedule; yesterday where none is named.
pub async fn report(world: &World, date: Option<Date>) -> Result<Mailed, String> {
    let input = ReportDay {
        flow: reports::CURRENT_FLOW,
        date,
    };
    let options = WorkflowStartOptions::new(&world.queue, reports::schedule_id(&world.queue))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .build();
    let run = world
        .engine
        .start_workflow(DailyReport::run, input, options)
        .await
        .unwrap();
    let ended = run.get_result(WorkflowGetResultOptions::default()).await;
    ended.map_err(|error| error.to_string())
}

async fn describe(world: &World, id: &str) -> Option<ScheduleDescription> {
    world
        .engine
        .get_schedule_handle(id)
        .describe(Default::default())
        .await
        .ok()
}

/// Wait for a schedule that is whole: its makers set the window for catching up after they have made it.
async fn until_scheduled(world: &World, id: &str) -> ScheduleDescription {
    until(&format!("the schedule {id}"), async || {
        describe(world, id)
            .await
            .filter(|found| window(found) == Some(CATCH_UP))
    })
    .await
}

fn window(found: &ScheduleDescription) -> Option<Duration> {
    let policies = found.raw().schedule.as_ref()?.policies.as_ref()?;
    policies
        .catchup_window
        .and_then(|window| Duration::try_from(window).ok())
}

/// The hour of UTC at which it runs, once a day.
fn hour(found: &ScheduleDescription) -> u64 {
    let schedule = found.raw().schedule.as_ref().unwrap();
    let every = &schedule.spec.as_ref().unwrap().interval;
    assert_eq!(every.len(), 1, "{every:?}");
    let interval = every[0].interval.and_then(|interval| Duration::try_from(interval).ok());
    let phase = every[0].phase.and_then(|phase| Duration::try_from(phase).ok());
    assert_eq!(interval, Some(Duration::from_secs(86_400)));
    phase.unwrap_or_default().as_secs() / 3_600
}

async fn forget(world: &World) {
    for id in [
        insights::schedule_id(&world.queue),
        reports::schedule_id(&world.queue),
        reconciliation::schedule_id(&world.queue),
    ] {
        let schedule = world.engine.get_schedule_handle(id);
        schedule.delete(DeleteScheduleOptions::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_made_once_and_follow_their_definition() {
    let mut world = scheduled(Kind::Sqlite).await;
    let (of_insights, of_report) = (insights::schedule_id(&world.queue), reports::schedule_id(&world.queue));
    let made = until_scheduled(&world, &of_report).await;
    assert_eq!(hour(&made), 6);
    let next = made.future_action_times()[0]
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(next.as_secs() % 86_400, 6 * 3_600, "at six by the clock");
    let ScheduleDescriptionAction::StartWorkflow(action) = made.action() else {
        panic!("another action");
    };
    assert_eq!(
        (action.workflow_type(), action.task_queue()),
        ("daily_report", world.queue.as_str())
    );
    let insights = until_scheduled(&world, &of_insights).await;
    assert_eq!(hour(&insights), 3);

    // A second start, and several at once beside it, change nothing: not even the time of the last update.
    let changed = [made.update_time(), insights.update_time()];
    world.stop_worker().await;
    world.start_worker().await;
    let again = || Schedules::new(world.engine.clone(), &world.queue, AT_SIX);
    let all = futures::future::join_all((0..4).map(|_| async { again().apply().await })).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let as_before = [
        describe(&world, &of_report).await.unwrap().update_time(),
        describe(&world, &of_insights).await.unwrap().update_time(),
    ];
    assert_eq!(as_before, changed);
    // By visibility, which may be a moment late.
    let ids = until("all are listed", async || {
        let listed = world.engine.list_schedules(ListSchedulesOptions::builder().build());
        let ids: Vec<_> = listed
            .map(|listed| listed.unwrap().schedule_id().to_owned())
            .collect()
            .await;
        let ids: Vec<_> = ids.into_iter().filter(|id| id.ends_with(&world.queue)).collect();
        (3 <= ids.len()).then_some(ids)
    })
    .await;
    assert_eq!(ids.len(), 3, "{ids:?}");
    let of_reconciliation = reconciliation::schedule_id(&world.queue);
    let found = until("the schedule of the reconciliation", async || {
        let found = describe(&world, &of_reconciliation).await?;
        window(&found).is_some_and(|window| window < CATCH_UP).then_some(found)
    })
    .await;
    let next = found.future_action_times();
    let minutes = next[1].duration_since(next[0]).unwrap().as_secs() / 60;
    assert_eq!(minutes, u64::from(EVERY_MINUTES));

    // Another hour arrives with the next start; a pause of an operator's stays.
    let schedule = world.engine.get_schedule_handle(&of_report);
    schedule
        .pause(Some("not now"), PauseScheduleOptions::default())
        .await
        .unwrap();
    world.stop_worker().await;
    world.set_timetable(Timetable { report_hour_utc: 7 });
    world.start_worker().await;
    until("it runs at seven", async || {
        let found = describe(&world, &of_report).await?;
        (hour(&found) == 7).then_some(())
    })
    .await;
    let found = describe(&world, &of_report).await.unwrap();
    assert!(found.paused());
    assert_eq!((found.note(), window(&found)), (Some("not now"), Some(CATCH_UP)));
    forget(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_that_start_at_once_make_one_schedule() {
    let setup = Setup::idle();
    let world = World::with(Kind::Sqlite, setup).await;
    let workers = (0..6).map(|_| Schedules::new(world.engine.clone(), &world.queue, AT_SIX));
    let all = futures::future::join_all(workers.map(|worker| async move { worker.apply().await })).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let found = describe(&world, &reports::schedule_id(&world.queue)).await.unwrap();
    assert_eq!((hour(&found), window(&found)), (6, Some(CATCH_UP)));
    forget(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_prepares_the_coming_days() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = scheduled(kind).await;
        let db = &world.database.db;
        library(&world).await;
        // Somebody asks before it runs: what they saw is what the day has.
        let date = utc(now());
        let english = Language::parse("en").unwrap();
        let seen = daily_insight::ensure(db, date, None, &english, now())
            .await
            .unwrap()
            .unwrap();

        let id = insights::schedule_id(&world.queue);
        until_scheduled(&world, &id).await;
        let schedule = world.engine.get_schedule_handle(&id);
        schedule
            .trigger(ScheduleOverlapPolicy::Unspecified, TriggerScheduleOptions::default())
            .await
            .unwrap();
        let days = u64::from(COMING_DAYS) + 1;
        until("the days are prepared", async || {
            let n = daily_insight::Entity::find().count(db.reader()).await.unwrap();
            (days * 13 * 2 <= n).then_some(())
        })
        .await;
        let last = date.checked_add(i64::from(COMING_DAYS).days()).unwrap();
        assert!(
            daily_insight::find(db.reader(), last, None, &english)
                .await
                .unwrap()
                .is_some()
        );
        let found = daily_insight::find(db.reader(), date, None, &english).await.unwrap();
        assert_eq!(found.unwrap(), seen);
        // A run more finds all of it there, but for a day that may have begun meanwhile.
        let again = prepare(&world).await.unwrap();
        assert!(104 <= again.made + again.there && again.made <= 26, "{again:?}");
        forget(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_yesterday_is_mailed_to_each_recipient_once() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = scheduled(kind).await;
        let db = &world.database.db;
        let id = reports::schedule_id(&world.queue);
        until_scheduled(&world, &id).await;
        let schedule = world.engine.get_schedule_handle(&id);
        let before = last_over(now());
        schedule
            .trigger(ScheduleOverlapPolicy::Unspecified, TriggerScheduleOptions::default())
            .await
            .unwrap();
        for address in REPORT_RECIPIENTS {
            let mail = world.mail(address, |_| true).await;
            let whole = (mail.subject.as_deref(), mail.text.as_deref(), mail.html.as_deref());
            let (Some(subject), Some(text), Some(html)) = whole else {
                panic!("{mail:?}");
            };
            assert!(subject.starts_with("Daily report of "), "{subject}");
            assert!(
                text.contains("Bookings: 0") && html.contains("Bookings"),
                "{text}\n{html}"
            );
        }
        let stored = daily_report::Entity::find().all(db.reader()).await.unwrap();
        let date = stored[0].date.0;
        assert_eq!(stored.len(), 1);
        assert!(date == before || date == last_over(now()), "{date}");
        until("both are on record", async || {
            let n = report_mail::Entity::find().count(db.reader()).await.unwrap();
            (n == 2).then_some(())
        })
        .await;

        assert_eq!(report(&world, Some(date)).await.unwrap(), Mailed::Done);
        assert_eq!(world.outbox.messages(None).len(), 2, "a second run writes to nobody");
        let not_over = report(&world, Some(utc(now()))).await;
        assert!(not_over.is_err(), "{not_over:?}");
        assert!(daily_report::find(db.reader(), utc(now())).await.unwrap().is_none());
        forget(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_days_are_made_up_for_each_as_its_own() {
    let world = scheduled(Kind::Postgres).await;
    let db = &world.database.db;
    let id = reports::schedule_id(&world.queue);
    until_scheduled(&world, &id).await;
    let schedule = world.engine.get_schedule_handle(&id);
    let ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 86_400);
    let missed = ScheduleBackfill::new(ago(5), ago(2)).build();
    schedule.backfill([missed], Default::default()).await.unwrap();
    let dates = until("three days have reports", async || {
        let rows = daily_report::page(db.reader(), None, None, None, 10).await.unwrap();
        (3 <= rows.len()).then(|| rows.iter().map(|row| row.date.0).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(dates.len(), 3, "{dates:?}");
    assert!(
        dates.windows(2).all(|pair| pair[1].tomorrow().unwrap() == pair[0]),
        "{dates:?}"
    );
    let last = utc(Instant::from(ago(2))).yesterday().unwrap();
    assert!(dates[0] == last || dates[0] == last.yesterday().unwrap(), "{dates:?}");
    until("each is mailed", async || {
        (world.outbox.messages(None).len() == 6).then_some(())
    })
    .await;
    forget(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_fails_gets_each_mail_once_when_it_is_back() {
    let world = World::new(Kind::Sqlite).await;
    world.outbox.fail(451, 3);
    assert_eq!(report(&world, None).await.unwrap(), Mailed::Done);
    let mails = world.outbox.messages(None);
    assert_eq!(mails.len(), 2, "{mails:?}");
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
    assert_eq!(ids.len(), 2);
}
