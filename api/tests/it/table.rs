//! Every command in every state: its new state, or its refusal.

use crate::app::{Caller, TestApp, hold, hour, in_days, on_both, until_status};
use activities::testing::{
    database::Kind, meetings::MeetingService, people::TestSpecialist, wait::until, world::Setup,
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use temporalio_client::{WorkflowExecuteUpdateOptions, WorkflowHandle};
use uuid::Uuid;
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{Amend, Answer, NoShow, Notes, Role, workflow_id},
        error::SessionError,
        workflow::SessionBooking,
    },
    time::Instant,
};

/// Where a session is when it is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hold,
    LinkPending,
    Confirmed,
    Begun,
    Completed,
    Cancelled,
    NoShow,
    Expired,
    Failed,
}

const COMMANDS: [&str; 6] = ["confirm", "reschedule", "notes", "cancel", "no_show", "review"];

/// What each of [`COMMANDS`] comes to: the state afterwards, or the code of the refusal.
fn expected(state: State) -> [&'static str; 6] {
    const NO: &str = "wrong_state";
    match state {
        State::Hold => ["confirmed", "held", "held", "cancelled", NO, NO],
        State::LinkPending => ["held", "held", "held", "cancelled", NO, NO],
        State::Confirmed => ["confirmed", "confirmed", "confirmed", "cancelled", NO, NO],
        State::Begun => ["confirmed", NO, "confirmed", NO, "no_show", NO],
        State::Completed => [NO, NO, "completed", NO, "no_show", "reviewed"],
        State::Cancelled => [NO, NO, NO, "cancelled", NO, NO],
        State::NoShow => [NO, NO, NO, NO, "no_show", NO],
        State::Expired | State::Failed => [NO; 6],
    }
}

/// A session of its own, brought into that state; its client.
async fn bring<'a>(
    app: &'a TestApp,
    specialist: &TestSpecialist,
    state: State,
    start: Instant,
) -> (Caller<'a>, String) {
    let client = app.somebody();
    let body = match state {
        State::Hold | State::Expired => hold(specialist, start),
        _ => hour(specialist, start),
    };
    let booked = client.book("k", &body).await;
    assert!(booked.status < 300, "{state:?}: {booked:?}");
    let (id, session) = (booked.id().to_owned(), booked.session());
    let from_now = |at: Instant| Instant::from(std::time::SystemTime::now()).until(at);
    match state {
        State::Hold | State::LinkPending => {}
        State::Confirmed => drop(until_status(&client, &id, "confirmed").await),
        State::Begun | State::NoShow => {
            until_status(&client, &id, "confirmed").await;
            app.skip(session, Some(from_now(start.plus_minutes(5)))).await;
            until("it has begun, by its own time", async || {
                // Once it has, only the lateness of this command is in its way.
                let answer = report_absence(app, session, start).await;
                matches!(answer, Answer::Refused(SessionError::Lapsed)).then_some(())
            })
            .await;
            if state == State::NoShow {
                assert_eq!(by_engine(app, session, "no_show").await, "no_show");
            }
        }
        State::Completed => {
            app.skip(session, Some(from_now(start.plus_minutes(65)))).await;
            until_status(&client, &id, "completed").await;
        }
        State::Cancelled => assert_eq!(client.cancel(&id).await.status, 200),
        State::Expired => {
            app.skip(session, Some(Duration::from_secs(11 * 60))).await;
            until_status(&client, &id, "expired").await;
        }
        State::Failed => drop(until_status(&client, &id, "failed").await),
    }
    (client, id)
}

async fn report_absence(app: &TestApp, session: SessionId, not_after: Instant) -> Answer {
    let run: WorkflowHandle<_, SessionBooking> = app.engine.get_workflow_handle(workflow_id(session));
    let command = NoShow {
        role: Role::Specialist,
        actor: None,
        not_after,
        request_id: None,
    };
    let options = WorkflowExecuteUpdateOptions::builder().build();
    run.execute_update(SessionBooking::no_show, command, options)
        .await
        .unwrap()
}

/// What the workflow itself answers: over HTTP a command lives for two minutes of the session's time, which has run ahead.
async fn by_engine(app: &TestApp, session: SessionId, command: &str) -> String {
    let run: WorkflowHandle<_, SessionBooking> = app.engine.get_workflow_handle(workflow_id(session));
    let options = WorkflowExecuteUpdateOptions::builder().build();
    let answer = if command == "notes" {
        let (actor, not_after, request_id) = (None, in_days(400), None);
        let command = Amend {
            id: Uuid::new_v4(),
            role: Role::Client,
            actor,
            notes: Notes::Clear,
            version: None,
            not_after,
            request_id,
        };
        run.execute_update(SessionBooking::amend, command, options)
            .await
            .unwrap()
    } else {
        report_absence(app, session, in_days(400)).await
    };
    match answer {
        Answer::Done(standing) => standing.status.as_str().to_owned(),
        Answer::Refused(error) => error.code().to_owned(),
    }
}

async fn command(app: &TestApp, state: State, client: &Caller<'_>, id: &str, command: &str, later: Instant) -> String {
    if matches!(state, State::Begun | State::Completed) && matches!(command, "notes" | "no_show") {
        return by_engine(app, SessionId(id.parse().unwrap()), command).await;
    }
    let answer = match command {
        "confirm" => client.confirm(id).await,
        "reschedule" => client.change(id, json!({"starts_at": later})).await,
        "notes" => client.change(id, json!({"notes": "other notes"})).await,
        "cancel" => client.cancel(id).await,
        "no_show" => app.user("specialist").no_show(id).await,
        _ => {
            let body = json!({"rating": 5, "text": "good"});
            client
                .give(Method::POST, &format!("/api/sessions/{id}/review"), Some(body))
                .await
        }
    };
    match answer.status {
        200 => answer.body["status"].as_str().unwrap().to_owned(),
        201 => "reviewed".to_owned(),
        409 => answer.error().to_owned(),
        _ => format!("{} {}", answer.status, answer.error()),
    }
}

async fn check(kind: Kind, provider: Option<&MeetingService>, states: &[State]) {
    let setup = Setup {
        meetings_url: provider.map(|service| service.url.clone()),
        ..Default::default()
    };
    let app = TestApp::with(kind, setup).await;
    app.user("specialist").sign_in().await;
    let specialist = app.specialist().login(app.id_of("specialist")).create().await;
    for (n, state) in (0..).zip(states.iter().copied()) {
        let outcomes = join_all((0..).zip(COMMANDS).map(async |(m, name)| {
            let start = in_days(4 + n).plus_minutes(m * 120);
            let (client, id) = bring(&app, &specialist, state, start).await;
            let outcome = command(&app, state, &client, &id, name, start.plus_minutes(60)).await;
            let after = client.get(&format!("/api/sessions/{id}")).await;
            (outcome, after.body)
        }));
        for ((outcome, after), (name, wanted)) in outcomes.await.into_iter().zip(COMMANDS.iter().zip(expected(state))) {
            assert_eq!(outcome, wanted, "{name} of {state:?}: {after}");
            if *name == "reschedule" && state == State::Hold {
                assert!(after["hold_expires_at"].is_string(), "it keeps its expiry: {after}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_in_each_state() {
    on_both(async |kind| {
        use State::{Begun, Cancelled, Completed, Confirmed, Expired, Failed, Hold, LinkPending, NoShow};
        check(
            kind,
            None,
            &[Hold, Confirmed, Begun, Completed, Cancelled, NoShow, Expired],
        )
        .await;
        let service = MeetingService::start().await;
        service.answer(Some(503));
        check(kind, Some(&service), &[LinkPending]).await;
        service.answer(Some(403));
        check(kind, Some(&service), &[Failed]).await;
    })
    .await;
}
