//! What goes wrong on the way: providers and mail servers that are away or say no.

use crate::support::{attempts, book, booking, cancel, in_days};
use activities::{
    outbox::message::Message,
    testing::{
        database::Kind,
        meetings::MeetingService,
        people::{client, email_of},
        wait::until,
        world::{Setup, World},
    },
};
use jiff::Timestamp;
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};
use workflows::{
    sessions::{
        contract::{Answer, Book, Role, workflow_id},
        state::SessionState,
        workflow::SessionBooking,
    },
    time::Instant,
};

async fn with_service(service: &MeetingService) -> World {
    World::with(
        Kind::Postgres,
        Setup {
            meetings_url: Some(service.url.clone()),
            ..Default::default()
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_makes_the_link_after_the_answer() {
    let service = MeetingService::start().await;
    let world = with_service(&service).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let wanted = booking(user, "a", specialist.id, in_days(2));
    let session = wanted.session;
    // The answer does not wait for the service.
    service.answer(Some(503));
    assert_eq!(book(&world, wanted).await, Answer::Done(None));
    assert_eq!(world.row(session).await.unwrap().status, SessionState::Held);
    service.answer(None);
    let row = world.until_status(session, SessionState::Confirmed).await;
    assert_eq!(row.meeting_url.as_deref(), Some("https://meet.example.test/0"));
    world.until_event(session, "confirmation_mail:sent", 2).await;
    cancel(&world, session, Role::Specialist).await;
    until("the meeting is removed", async || (service.n_live() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_fails_for_good_frees_the_slot_and_tells_the_client() {
    let service = MeetingService::start().await;
    service.answer(Some(403));
    let world = with_service(&service).await;
    let specialist = world.specialist().create().await;
    let (user, other) = (
        client(&world.database.db, &[]).await,
        client(&world.database.db, &[]).await,
    );
    let start = in_days(2);
    let wanted = booking(user, "a", specialist.id, start);
    let session = wanted.session;
    book(&world, wanted).await;
    let row = world.until_status(session, SessionState::Failed).await;
    assert_eq!(row.failure.as_deref(), Some("meeting_link_failed"));
    world.until_event(session, "failure_mail:sent", 1).await;
    let mail = world.mail(&email_of(user), |_| true).await;
    assert!(mail.attachments.is_empty(), "nothing for a calendar");
    until("what may have been made is removed", async || {
        service
            .calls()
            .iter()
            .any(|call| call.starts_with("remove"))
            .then_some(())
    })
    .await;
    service.answer(None);
    let again = booking(other, "b", specialist.id, start);
    assert!(
        matches!(book(&world, again).await, Answer::Done(_)),
        "the slot is free again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_the_link_is_being_made_ends_in_cancelled_with_nothing_left() {
    let service = MeetingService::start().await;
    service.answer(Some(503));
    let world = with_service(&service).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let wanted = booking(user, "a", specialist.id, in_days(2));
    let session = wanted.session;
    book(&world, wanted).await;
    until("the service was asked", async || {
        (!service.calls().is_empty()).then_some(())
    })
    .await;
    let Answer::Done(standing) = cancel(&world, session, Role::Client).await else {
        panic!("refused")
    };
    assert_eq!(standing.status, SessionState::Cancelled);
    service.answer(None);
    until("the meeting is removed", async || {
        let removed = service.calls().last().is_some_and(|call| call.starts_with("remove"));
        (removed && service.n_live() == 0).then_some(())
    })
    .await;
    assert_eq!(world.row(session).await.unwrap().status, SessionState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_down_for_hours_delays_the_mail_and_nothing_else() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[1440]).await;
    world.outbox.fail(451, 1_000_000);
    let wanted = booking(user, "a", specialist.id, in_days(2));
    let session = wanted.session;
    assert_eq!(book(&world, wanted).await, Answer::Done(None));
    assert_eq!(world.row(session).await.unwrap().status, SessionState::Confirmed);
    // The pauses between attempts pass at once too: the twelfth comes after more than an hour of them.
    world.skip(session, None).await;
    until("mail was tried for more than an hour", async || {
        (12 <= attempts(&world, session).await).then_some(())
    })
    .await;
    assert!(world.outbox.messages(None).is_empty());
    assert_eq!(world.row(session).await.unwrap().status, SessionState::Confirmed);
    world.outbox.fail(451, 0);
    world.until_event(session, "confirmation_mail:sent", 2).await;
    let to_client = world.outbox.messages(Some(&email_of(user)));
    assert_eq!(
        to_client.iter().filter(|mail| is_confirmation(mail)).count(),
        1,
        "it arrives once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_no_worker_took_in_two_minutes_makes_no_session_and_frees_its_key() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let mut world = World::with(kind, Setup::idle()).await;
        let specialist = world.specialist().create().await;
        let user = client(&world.database.db, &[]).await;
        let wanted = booking(user, "a", specialist.id, in_days(2));
        // Asked for when there was nobody to hear it.
        let late = Book {
            not_after: Instant::new(Timestamp::now()).plus_minutes(-1),
            ..wanted.clone()
        };
        let options = WorkflowStartOptions::new(&world.queue, workflow_id(late.session)).build();
        let run = world
            .engine
            .start_workflow(SessionBooking::run, late, options)
            .await
            .unwrap();
        world.start_worker().await;
        assert_eq!(
            run.get_result(WorkflowGetResultOptions::default()).await.unwrap(),
            None,
            "it refused itself"
        );
        assert!(
            world.row(wanted.session).await.is_none(),
            "nothing appears out of the blue"
        );
        let session = wanted.session;
        assert_eq!(book(&world, wanted).await, Answer::Done(None), "the key is free");
        assert_eq!(world.row(session).await.unwrap().status, SessionState::Confirmed);
    }
}

fn is_confirmation(mail: &Message) -> bool {
    mail.message_id.as_deref().is_some_and(|id| id.contains("confirmation"))
}
