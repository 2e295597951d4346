//! Commands given without the HTTP layer.

use activities::testing::world::World;
use jiff::Timestamp;
use temporalio_client::{WorkflowExecuteUpdateOptions, WorkflowIdConflictPolicy, WorkflowUpdateWithStartOptions};
use uuid::Uuid;
use workflows::{
    ids::{SpecialistId, UserId},
    sessions::{
        contract::{Answer, Asked, Book, CURRENT_FLOW, Cancel, Role, ServiceChoice, session_id, workflow_id},
        workflow::SessionBooking,
    },
    time::Instant,
};

/// The next full hour, `days` from now.
pub fn in_days(days: i64) -> Instant {
    let hour = Timestamp::now().as_second() / 3600 * 3600 + 3600;
    Instant::from_unix_seconds(hour + days * 86_400)
}

/// A booking of the first service.
pub fn booking(client: UserId, key: &str, specialist: SpecialistId, starts_at: Instant) -> Book {
    Book {
        flow: CURRENT_FLOW,
        session: session_id(client, key),
        specialist,
        client,
        service: ServiceChoice::Minutes(60),
        starts_at,
        time_zone: None,
        notes: None,
        hold: false,
        request_hash: "hash".to_owned(),
        not_after: Instant::new(Timestamp::now()).plus_minutes(2),
        request_id: None,
    }
}

/// Book, as the HTTP layer does.
pub async fn book(world: &World, book: Book) -> Answer {
    let asked = Asked {
        request_hash: book.request_hash.clone(),
    };
    let options = WorkflowUpdateWithStartOptions::new(
        &world.queue,
        workflow_id(book.session),
        WorkflowIdConflictPolicy::UseExisting,
    )
    .update_id(Uuid::new_v4().to_string())
    .build();
    world
        .engine
        .execute_update_with_start_workflow(SessionBooking::run, book, SessionBooking::book, asked, options)
        .await
        .unwrap()
}

/// Cancel, as the HTTP layer does.
pub async fn cancel(world: &World, session: workflows::ids::SessionId, role: Role) -> Answer {
    let command = Cancel {
        role,
        actor: None,
        reason: None,
        not_after: Instant::new(Timestamp::now()).plus_minutes(2),
        request_id: None,
    };
    world
        .engine
        .get_workflow_handle::<SessionBooking>(workflow_id(session))
        .execute_update(
            SessionBooking::cancel,
            command,
            WorkflowExecuteUpdateOptions::builder().build(),
        )
        .await
        .unwrap()
}
