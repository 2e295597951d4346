//! Lives that are long: many commands, many events, and an identity that outlasts a run.

use crate::{
    reminders::ahead,
    support::{amend, book, booking, cancel, in_days, much_later, n_events, reschedule},
};
use activities::testing::{
    database::Kind,
    meetings::MeetingService,
    people::client,
    wait::until,
    world::{Setup, World},
};
use sea_orm::ConnectionTrait;
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartUpdateOptions};
use uuid::Uuid;
use workflows::{
    ids::TextId,
    sessions::{
        contract::{Answer, Book, NoShow, Role, workflow_id},
        error::SessionError,
        workflow::SessionBooking,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_reschedules_in_a_year_stay_under_six_hundred_events() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[1440, 60]).await;
    let wanted = booking(user, "a", specialist.id, in_days(300));
    let session = wanted.session;
    book(&world, wanted).await;
    for n in 1..=20 {
        let moved = reschedule(&world, session, Role::Client, in_days(300 + n)).await;
        assert!(matches!(moved, Answer::Done(_)), "{moved:?}");
        world
            .mail(&specialist.email, |mail| {
                mail.raw.contains(&format!("<rescheduled.{n}."))
            })
            .await;
    }
    world.skip(session, None).await;
    world.until_event(session, "review_invitation_mail:sent", 1).await;
    until("the run closes", async || world.row(session).await.unwrap().closed_at).await;
    let events = n_events(&world, session).await;
    eprintln!("a year with 20 reschedules: {events:?} events");
    assert!(events.len() == 1 && events[0] < 600, "{events:?}");
    assert_eq!(world.times(session, "reminder_mail:sent").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_goes_on_as_a_new_one_and_nobody_notices() {
    let service = MeetingService::start().await;
    let setup = Setup {
        meetings_url: Some(service.url.clone()),
        ..Default::default()
    };
    let world = World::with(Kind::Postgres, setup).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[60]).await;
    let wanted = booking(user, "a", specialist.id, in_days(3));
    let session = wanted.session;
    book(&world, wanted.clone()).await;
    world.until_event(session, "confirmation_mail:sent", 2).await;
    for _ in 0..180 {
        let answer = amend(&world, session, TextId(Uuid::now_v7())).await;
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    }
    let runs = until("a new run has taken over", async || {
        let runs = n_events(&world, session).await;
        (1 < runs.len()).then_some(runs)
    })
    .await;
    eprintln!("180 changes of the notes: {runs:?} events");
    assert!(runs.iter().all(|n| *n < 1_000), "{runs:?}");
    // The key is still the same request's, and another one's is still refused.
    assert!(matches!(book(&world, wanted.clone()).await, Answer::Done(_)));
    let other = Book {
        request_hash: "another".to_owned(),
        ..wanted
    };
    assert_eq!(
        book(&world, other).await,
        Answer::Refused(SessionError::IdempotencyKeyReused)
    );
    world.skip(session, ahead(in_days(3).plus_minutes(-50))).await;
    world.until_event(session, "reminder_mail:sent", 1).await;
    cancel(&world, session, Role::Specialist).await;
    until("the run closes", async || world.row(session).await.unwrap().closed_at).await;
    assert_eq!(service.n_live(), 0, "what an earlier run had made is removed");
    world.until_event(session, "cancellation_mail:sent", 2).await;
    let timeline = world.timeline(session).await;
    for once in ["confirmation:done", "reminder_mail:sent", "cancellation:done"] {
        assert_eq!(
            timeline.iter().filter(|entry| *entry == once).count(),
            1,
            "{once} in {timeline:?}"
        );
    }
    assert_eq!(
        timeline
            .iter()
            .filter(|entry| *entry == "confirmation_mail:sent")
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_row_is_gone_ends_where_operators_see_it() {
    let world = World::new(Kind::Sqlite).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let wanted = booking(user, "a", specialist.id, in_days(3));
    let session = wanted.session;
    book(&world, wanted).await;
    world.until_event(session, "confirmation_mail:sent", 2).await;
    let db = world.database.db.writer();
    for table in ["session_event WHERE session_id", "session WHERE id"] {
        let id = session.0.simple().to_string();
        db.execute_unprepared(&format!("DELETE FROM {table} = x'{id}'"))
            .await
            .unwrap();
    }
    let run = world.engine.get_workflow_handle::<SessionBooking>(workflow_id(session));
    let command = NoShow {
        role: Role::Specialist,
        actor: None,
        not_after: much_later(),
        request_id: None,
    };
    // Its answer is lost with the run; that it was accepted is enough.
    run.start_update(
        SessionBooking::no_show,
        command,
        WorkflowStartUpdateOptions::builder().build(),
    )
    .await
    .ok();
    let ended = run.get_result(WorkflowGetResultOptions::default()).await;
    let error = format!("{:?}", ended.expect_err("it cannot end well"));
    assert!(error.contains("session_not_found"), "{error}");
}
