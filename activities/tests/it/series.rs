//! Series, below the HTTP layer.

use crate::support::{book_series, cancel_series, in_days};
use activities::testing::{database::Kind, people::client, world::World};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};
use uuid::Uuid;
use workflows::{
    series::{
        contract::{self, CancelSeries, SeriesAnswer, session_of},
        workflow::SeriesCancellation,
    },
    sessions::{contract::Role, error::SessionError, state::SessionState},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_came_too_late_says_so_and_the_next_one_is_heard() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[]).await;
    let starts = vec![in_days(3), in_days(10)];
    let (series, answer) = book_series(&world, user, "a", specialist.id, starts).await;
    assert_eq!(answer, SeriesAnswer::Reserved);
    let late = CancelSeries {
        series,
        id: Uuid::new_v4(),
        role: Role::Client,
        actor: None,
        reason: None,
        not_after: in_days(-1),
        request_id: None,
    };
    let options = WorkflowStartOptions::new(&world.queue, contract::cancellation_id(series)).build();
    let run = world.engine.start_workflow(SeriesCancellation::run, late, options);
    let ended = run.await.unwrap().get_result(WorkflowGetResultOptions::default()).await;
    let error = format!("{:?}", ended.unwrap_err());
    assert!(error.contains(SessionError::Lapsed.code()), "{error}");
    for n in 0..2 {
        let row = world.row(session_of(series, n)).await.unwrap();
        assert_eq!(row.status, SessionState::Confirmed, "nothing was done");
    }
    cancel_series(&world, series).await;
    for n in 0..2 {
        world.until_status(session_of(series, n), SessionState::Cancelled).await;
    }
}
