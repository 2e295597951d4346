//! Webhooks end to end: a receiver of somebody else's, judged by the library of those who wrote the specification.

use crate::app::{Answer, Caller, TestApp, hold, hour, in_days, on_both};
use activities::testing::{
    database::Kind,
    engine::try_skip,
    stranger::{Asked, Says, Stranger},
    wait::until,
    world::Setup,
};
use entities::{
    audit,
    column::{Sealed, Words},
    webhook_delivery, webhook_endpoint,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::{Value, json};
use settings::{Reach, Sealer};
use standardwebhooks::Webhook;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::SeqCst},
    },
    time::{Duration, Instant as Moment},
};
use uuid::Uuid;
use workflows::{
    ids::{SessionId, WebhookId},
    webhooks::contract::workflow_id,
};

const DAY: Duration = Duration::from_secs(86_400);
const OWNER: &str = "owner@receivers.test";

async fn app(kind: Kind) -> TestApp {
    let setup = Setup {
        reach: Reach::Everywhere,
        ..Default::default()
    };
    TestApp::with(kind, setup).await
}

fn root(app: &TestApp) -> Caller<'_> {
    let mut root = app.user("root");
    root.token = app.issuer.token("root", &["admin"], 3_600);
    root
}

/// A receiver that answers with the status at hand.
async fn receiver(status: u16) -> (Stranger, Arc<AtomicU16>) {
    let answer = Arc::new(AtomicU16::new(status));
    let says = answer.clone();
    let stranger = Stranger::new(move |_| Says::This(says.load(SeqCst), Vec::new(), b"thanks".to_vec())).await;
    (stranger, answer)
}

/// A webhook that is to be told, and its secret.
async fn webhook(root: &Caller<'_>, url: &str, types: &[&str]) -> (WebhookId, String) {
    let body = json!({"url": url, "event_types": types, "notify_email": OWNER});
    let made = root.give(Method::POST, "/api/admin/webhooks", Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["webhook"]["id"].as_str().unwrap().parse().unwrap();
    (id, made.body["secret"].as_str().unwrap().to_owned())
}

async fn post(root: &Caller<'_>, id: WebhookId, what: &str, body: Option<Value>) -> Answer {
    let answer = root
        .give(Method::POST, &format!("/api/admin/webhooks/{id}/{what}"), body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// A call, as its receiver reads it.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    id: String,
    session: String,
    kind: String,
    raw: Asked,
    body: Value,
}

fn heard(receiver: &Stranger) -> Vec<Heard> {
    let read = |raw: Asked| {
        let body: Value = serde_json::from_slice(&raw.body).unwrap();
        Heard {
            id: raw.header("webhook-id").unwrap().to_owned(),
            session: body["data"]["session_id"].as_str().unwrap_or_default().to_owned(),
            kind: body["type"].as_str().unwrap().to_owned(),
            body,
            raw,
        }
    };
    receiver.asked().into_iter().map(read).collect()
}

fn is_good(call: &Heard, secret: &str) -> bool {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = HeaderValue::from_str(call.raw.header(name).unwrap()).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    }
    Webhook::new(secret).unwrap().verify(&call.raw.body, &headers).is_ok()
}

/// What was told of a session, in the order of arrival.
fn kinds(calls: &[Heard], session: SessionId) -> Vec<&str> {
    let of_session = calls.iter().filter(|call| call.session == session.to_string());
    of_session.map(|call| call.kind.as_str()).collect()
}

async fn rows(app: &TestApp, id: WebhookId) -> Vec<webhook_delivery::Model> {
    webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::EndpointId.eq(id))
        .order_by_asc(webhook_delivery::Column::SessionId)
        .order_by_asc(webhook_delivery::Column::Seq)
        .all(app.database.db.reader())
        .await
        .unwrap()
}

async fn until_told(app: &TestApp, id: WebhookId, n: usize) {
    until(&format!("{n} events are told"), async || {
        let rows = rows(app, id).await;
        let told = rows.iter().filter(|row| row.delivered_at.is_some()).count();
        (n <= told && rows.iter().all(|row| !row.is_open())).then_some(())
    })
    .await;
}

async fn until_row(
    app: &TestApp,
    id: WebhookId,
    what: &str,
    is: impl Fn(&webhook_delivery::Model) -> bool,
) -> webhook_delivery::Model {
    until(what, async || rows(app, id).await.into_iter().find(|row| is(row))).await
}

async fn endpoint(app: &TestApp, id: WebhookId) -> webhook_endpoint::Model {
    webhook_endpoint::by_id(app.database.db.reader(), id)
        .await
        .unwrap()
        .unwrap()
}

/// Let time run in what tells of that session.
async fn skip(app: &TestApp, id: WebhookId, session: SessionId, ahead: Option<Duration>) {
    try_skip(&app.engine, &workflow_id(id, session), ahead).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_for_a_day_gets_everything_in_order() {
    on_both(async |kind| {
        let app = app(kind).await;
        let (receiver, answer) = receiver(503).await;
        let root = root(&app);
        let (id, secret) = webhook(&root, receiver.url("/hook?token=t").as_str(), &[]).await;
        let specialist = app.specialist().create().await;
        let (ada, eve) = (app.user("ada"), app.user("eve"));
        let mut body = hour(&specialist, in_days(3));
        body["notes"] = json!("a secret of mine");
        let first = ada.book("a", &body).await.session();
        let moved = ada.change(&first.to_string(), json!({"starts_at": in_days(4)})).await;
        assert_eq!(moved.status, 200, "{moved:?}");
        assert_eq!(ada.cancel(&first.to_string()).await.status, 200);
        let second = eve.book("a", &hold(&specialist, in_days(5))).await.session();
        eve.confirm(&second.to_string()).await;

        for session in [first, second] {
            until_row(&app, id, "a first attempt has failed", |row| {
                row.session_id == session && 1 <= row.attempts
            })
            .await;
            skip(&app, id, session, Some(DAY)).await;
            // At once, after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, and the next one only after 14 h more.
            until_row(&app, id, "a day has passed", |row| {
                row.session_id == session && row.attempts == 7
            })
            .await;
        }
        let open = rows(&app, id).await;
        assert!(open.iter().all(webhook_delivery::Model::is_open), "{open:?}");
        assert!(
            open.iter().filter(|row| 0 < row.attempts).count() == 2,
            "the others wait for their turn"
        );
        assert!(
            open.iter()
                .filter(|row| 0 < row.attempts)
                .all(|row| row.last_status == Some(503) && row.last_error.as_deref() == Some("answered_5xx")),
            "{open:?}"
        );

        let n_failed = receiver.asked().len();
        answer.store(200, SeqCst);
        for session in [first, second] {
            skip(&app, id, session, None).await;
        }
        until_told(&app, id, 5).await;
        let calls = heard(&receiver).split_off(n_failed);
        assert_eq!(calls.len(), 5, "each event once");
        assert_eq!(
            kinds(&calls, first),
            ["session.confirmed", "session.rescheduled", "session.cancelled"]
        );
        assert_eq!(kinds(&calls, second), ["session.held", "session.confirmed"]);
        let ids: BTreeSet<_> = heard(&receiver).iter().map(|call| call.id.clone()).collect();
        assert_eq!(ids.len(), 5, "an event has one id, however often it is told");
        for call in heard(&receiver) {
            assert!(is_good(&call, &secret), "{call:?}");
            nothing_personal(&call, &specialist.email);
        }
        let times: Vec<_> = calls
            .iter()
            .filter(|call| call.session == first.to_string())
            .map(|call| {
                (
                    call.body["data"]["starts_at"].clone(),
                    call.body["data"]["sequence"].clone(),
                )
            })
            .collect();
        assert_eq!(
            times,
            [
                (json!(in_days(3)), json!(0)),
                (json!(in_days(4)), json!(1)),
                (json!(in_days(4)), json!(2)),
            ],
            "what is told is what was then"
        );
        assert!(endpoint(&app, id).await.enabled);
        let list = root.get(&format!("/api/admin/webhooks/{id}/deliveries")).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), 5);
        let attempts: Vec<_> = rows(&app, id).await.iter().map(|row| row.attempts).collect();
        assert_eq!(attempts.iter().sum::<i32>(), 8 + 1 + 1 + 8 + 1, "{attempts:?}");
    })
    .await;
}

/// Ids, times and states only.
fn nothing_personal(call: &Heard, specialist_email: &str) {
    let fields: Vec<_> = call.body["data"].as_object().unwrap().keys().cloned().collect();
    let mut known = vec![
        "session_id",
        "specialist_id",
        "service_id",
        "status",
        "starts_at",
        "ends_at",
        "sequence",
        "seq",
    ];
    known.sort_unstable();
    let mut fields: Vec<_> = fields.iter().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, known);
    let mut around: Vec<_> = call.body.as_object().unwrap().keys().map(String::as_str).collect();
    around.sort_unstable();
    assert_eq!(around, ["data", "timestamp", "type", "version"]);
    let text = format!("{} {}", call.raw.head, String::from_utf8_lossy(&call.raw.body));
    for personal in [specialist_email, "a secret of mine", "meet.example.test", "Test ", "@"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_for_a_day_and_then_the_new_one_alone() {
    let app = app(Kind::Postgres).await;
    let (receiver, _) = receiver(204).await;
    let root = root(&app);
    let (id, old) = webhook(&root, receiver.url("/hook").as_str(), &[]).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let session = ada.book("a", &hour(&specialist, in_days(3))).await.session();
    until_told(&app, id, 1).await;
    let rotated = post(&root, id, "rotate-secret", None).await;
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    ada.cancel(&session.to_string()).await;
    until_told(&app, id, 2).await;
    webhook_endpoint::Entity::update_many()
        .col_expr(webhook_endpoint::Column::PreviousSecretUntil, Expr::value(in_days(-1)))
        .exec(app.database.db.writer())
        .await
        .unwrap();
    ada.book("b", &hour(&specialist, in_days(3))).await;
    until_told(&app, id, 3).await;
    let calls = heard(&receiver);
    let good: Vec<_> = calls
        .iter()
        .map(|call| (is_good(call, &old), is_good(call, &new)))
        .collect();
    assert_eq!(good, [(true, false), (true, true), (false, true)]);
    let n_signatures: Vec<_> = calls
        .iter()
        .map(|call| call.raw.header("webhook-signature").unwrap().split(' ').count())
        .collect();
    assert_eq!(n_signatures, [1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_tells_once_more_under_the_same_ids() {
    on_both(async |kind| {
        let app = app(kind).await;
        let (receiver, _) = receiver(200).await;
        let (other, _) = self::receiver(200).await;
        let root = root(&app);
        let (id, secret) = webhook(&root, receiver.url("/hook").as_str(), &[]).await;
        let (other_id, _) = webhook(&root, other.url("/hook").as_str(), &[]).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let first = ada.book("a", &hour(&specialist, in_days(3))).await.session();
        ada.cancel(&first.to_string()).await;
        ada.book("b", &hour(&specialist, in_days(4))).await;
        until_told(&app, id, 3).await;
        until_told(&app, other_id, 3).await;
        assert_eq!(
            post(&root, id, "replay", None).await.body,
            json!({"events": 0}),
            "nothing failed"
        );
        let calls = heard(&receiver);
        let body = json!({"session_id": first, "since": in_days(-1)});
        assert_eq!(post(&root, id, "replay", Some(body)).await.body, json!({"events": 2}));
        until("they are told again", async || {
            (5 <= receiver.asked().len()).then_some(())
        })
        .await;
        until_told(&app, id, 3).await;
        let again = heard(&receiver).split_off(3);
        assert_eq!(kinds(&again, first), ["session.confirmed", "session.cancelled"]);
        for (before, after) in calls
            .iter()
            .filter(|call| call.session == first.to_string())
            .zip(&again)
        {
            assert_eq!((&before.id, &before.raw.body), (&after.id, &after.raw.body));
            assert!(is_good(after, &secret));
        }
        assert_eq!(other.asked().len(), 3, "nobody else is told again");
        let since = post(&root, id, "replay", Some(json!({"since": in_days(-1)}))).await;
        assert_eq!(since.body, json!({"events": 3}));
        until("everything is told again", async || {
            (8 <= receiver.asked().len()).then_some(())
        })
        .await;
        until_told(&app, id, 3).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_left_alone_until_it_is_back() {
    on_both(async |kind| {
        let app = app(kind).await;
        let (receiver, answer) = receiver(410).await;
        let root = root(&app);
        let (id, _) = webhook(&root, receiver.url("/hook").as_str(), &[]).await;
        let specialist = app.specialist().create().await;
        let ada = app.user("ada");
        let session = ada.book("a", &hour(&specialist, in_days(3))).await.session();
        let mail = app.mail(OWNER, |mail| mail.raw.contains("webhook_disabled")).await;
        assert!(
            mail.raw.contains("410") && mail.raw.contains(&id.to_string()),
            "{}",
            mail.raw
        );
        let view = root.get(&format!("/api/admin/webhooks/{id}")).await.body;
        assert_eq!(
            (&view["enabled"], &view["disabled_reason"]),
            (&json!(false), &json!("gone"))
        );

        ada.cancel(&session.to_string()).await;
        let withheld = until_row(&app, id, "the next event is kept", |row| {
            row.event_type == "session.cancelled"
        })
        .await;
        assert_eq!(withheld.last_error.as_deref(), Some("endpoint_disabled"));
        let failed = root
            .get(&format!("/api/admin/webhooks/{id}/deliveries?failed=true"))
            .await
            .body;
        assert_eq!(failed["items"].as_array().unwrap().len(), 2);
        let refused = Answer::of(root.request(Method::POST, &format!("/api/admin/webhooks/{id}/replay"))).await;
        assert_eq!((refused.status, refused.error()), (409, "webhook_disabled"));

        // The worker of this test counts in this process, and other tests with it.
        let counted = telemetry::metrics::text();
        for outcome in ["refused", "disabled"] {
            assert!(
                counted.contains(&format!(r#"webhooks_total{{outcome="{outcome}"}} "#)),
                "{counted}"
            );
        }

        answer.store(200, SeqCst);
        // A test call goes out to who is disabled too, so that one knows before one enables it.
        let test = post(&root, id, "test", None).await;
        until_told(&app, id, 1).await;
        assert_eq!(receiver.asked().len(), 2, "the disabled one was told nothing");
        let ping = heard(&receiver).pop().unwrap();
        assert_eq!(
            (ping.kind.as_str(), &json!(ping.id)),
            ("webhook.ping", &test.body["webhook_id"])
        );
        post(&root, id, "enable", None).await;
        assert_eq!(post(&root, id, "replay", None).await.body, json!({"events": 2}));
        until_told(&app, id, 3).await;
        let calls = heard(&receiver).split_off(2);
        assert_eq!(kinds(&calls, session), ["session.confirmed", "session.cancelled"]);
        let mails = app.outbox.messages(None);
        assert_eq!(mails.iter().filter(|mail| mail.is_to(OWNER)).count(), 1, "told once");
        let acts = audit::Entity::find()
            .filter(audit::Column::Action.eq("webhook.disable"))
            .all(app.database.db.reader())
            .await
            .unwrap();
        assert_eq!(acts.len(), 1);
        assert_eq!((acts[0].actor_role.as_str(), acts[0].actor_id), ("system", None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_three_days_is_given_up_and_whom_nothing_reaches_is_disabled() {
    let app = app(Kind::Postgres).await;
    let poison = Uuid::new_v4().simple().to_string();
    let root = root(&app);
    let specialist = app.specialist().create().await;
    let (ada, eve) = (app.user("ada"), app.user("eve"));
    // One receiver refuses everything, another one only what it is told of that session.
    let (dead, _) = receiver(500).await;
    let picky = Stranger::new(|_| Says::This(500, Vec::new(), Vec::new())).await;
    let (dead_id, _) = webhook(&root, dead.url("/hook").as_str(), &[]).await;
    let (picky_id, _) = webhook(&root, picky.url("/hook").as_str(), &["session.confirmed"]).await;
    let session = ada.book(&poison, &hour(&specialist, in_days(9))).await.session();
    for id in [dead_id, picky_id] {
        until_row(&app, id, "a first attempt has failed", |row| 1 <= row.attempts).await;
    }
    let refused = session.to_string();
    picky.script(move |asked| {
        let says = String::from_utf8_lossy(&asked.body).contains(&refused);
        Says::This(if says { 500 } else { 200 }, Vec::new(), Vec::new())
    });
    let other = eve.book("a", &hour(&specialist, in_days(10))).await.session();
    until_row(&app, picky_id, "the other session is told of", |row| {
        row.session_id == other && row.delivered_at.is_some()
    })
    .await;

    for id in [dead_id, picky_id] {
        skip(&app, id, session, None).await;
        let given_up = until_row(&app, id, "it is given up", |row| {
            row.session_id == session && row.gave_up_at.is_some()
        })
        .await;
        assert_eq!(given_up.attempts, 10);
        let took = given_up.first_attempt_at.unwrap().until(given_up.gave_up_at.unwrap());
        assert!(DAY * 11 / 4 < took && took < DAY * 15 / 4, "{took:?}");
    }
    assert!(endpoint(&app, picky_id).await.enabled, "others were told");
    app.mail(OWNER, |mail| mail.raw.contains("three days")).await;
    let dead_row = endpoint(&app, dead_id).await;
    assert!(!dead_row.enabled && dead_row.disabled_reason == Some(webhook_endpoint::Disabled::Failing));
    // What else it was to be told is given up with it, and its runs end.
    until("nothing is open", async || {
        rows(&app, dead_id).await.iter().all(|row| !row.is_open()).then_some(())
    })
    .await;
    assert_eq!(
        app.outbox
            .messages(None)
            .iter()
            .filter(|mail| mail.is_to(OWNER))
            .count(),
        1
    );
    let n = dead.asked().len();
    eve.cancel(&other.to_string()).await;
    until_row(&app, dead_id, "what it is not told is kept", |row| {
        row.event_type == "session.cancelled"
    })
    .await;
    assert_eq!(dead.asked().len(), n);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_for_is_told() {
    let app = app(Kind::Sqlite).await;
    let (receiver, _) = receiver(200).await;
    let root = root(&app);
    let (id, _) = webhook(&root, receiver.url("/hook").as_str(), &["session.cancelled"]).await;
    let specialist = app.specialist().create().await;
    let ada = app.user("ada");
    let session = ada.book("a", &hour(&specialist, in_days(3))).await.session();
    ada.cancel(&session.to_string()).await;
    until_told(&app, id, 1).await;
    assert_eq!(kinds(&heard(&receiver), session), ["session.cancelled"]);
    let removed = root
        .give(Method::DELETE, &format!("/api/admin/webhooks/{id}"), None)
        .await;
    assert_eq!(removed.status, 204);
    ada.book("b", &hour(&specialist, in_days(3))).await;
    assert!(rows(&app, id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_a_failure_and_not_followed() {
    let app = app(Kind::Sqlite).await;
    let root = root(&app);
    let receiver = Stranger::new(|asked| {
        let elsewhere = vec![("Location", "/inside".to_owned())];
        Says::This(if asked.path == "/hook" { 307 } else { 200 }, elsewhere, Vec::new())
    })
    .await;
    let (id, _) = webhook(&root, receiver.url("/hook").as_str(), &[]).await;
    let specialist = app.specialist().create().await;
    app.user("ada").book("a", &hour(&specialist, in_days(3))).await;
    let row = until_row(&app, id, "an attempt", |row| 1 <= row.attempts).await;
    assert_eq!(
        (row.last_status, row.last_error.as_deref()),
        (Some(307), Some("redirect_refused"))
    );
    assert!(receiver.asked().iter().all(|asked| asked.path == "/hook"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_inside_is_not_called() {
    let app = TestApp::new(Kind::Postgres).await;
    let (inside, _) = receiver(200).await;
    let id = WebhookId(Uuid::now_v7());
    let row = webhook_endpoint::Model {
        id,
        // As one whose name was public when it was given.
        url: format!("https://{}/hook", inside.address()),
        description: String::new(),
        event_types: Words(Vec::new()),
        notify_email: OWNER.to_owned(),
        enabled: true,
        disabled_at: None,
        disabled_reason: None,
        disabled_by: None,
        notified_at: None,
        secret: Sealed(Sealer::new(&activities::testing::world::DERIVE_KEY.to_owned().into()).seal(id.0, &[7; 32])),
        previous_secret: None,
        previous_secret_until: None,
        version: 1,
        created_at: in_days(0),
        updated_at: in_days(0),
    };
    let tx = app.database.db.begin_write().await.unwrap();
    webhook_endpoint::insert(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    let specialist = app.specialist().create().await;
    app.user("ada").book("a", &hour(&specialist, in_days(3))).await;
    let row = until_row(&app, id, "an attempt", |row| 1 <= row.attempts).await;
    assert_eq!((row.last_status, row.last_error.as_deref()), (None, Some("not_public")));
    assert!(inside.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_is_given_fifteen_seconds_and_holds_up_no_other_session() {
    let app = app(Kind::Postgres).await;
    let root = root(&app);
    let (receiver, _) = receiver(200).await;
    let (id, _) = webhook(&root, receiver.url("/hook").as_str(), &[]).await;
    let specialist = app.specialist().create().await;
    receiver.script(|_| Says::Nothing);
    let slow = app
        .user("ada")
        .book("a", &hour(&specialist, in_days(3)))
        .await
        .session();
    until("the slow one is called", async || {
        (!receiver.asked().is_empty()).then_some(())
    })
    .await;
    let began = Moment::now();
    receiver.script(|_| Says::This(200, Vec::new(), Vec::new()));
    let fast = app
        .user("eve")
        .book("a", &hour(&specialist, in_days(4)))
        .await
        .session();
    until_row(&app, id, "the other one is told", |row| {
        row.session_id == fast && row.delivered_at.is_some()
    })
    .await;
    let other = began.elapsed();
    let row = until_row(&app, id, "the slow attempt ends", |row| {
        row.session_id == slow && 1 <= row.attempts
    })
    .await;
    let took = began.elapsed();
    assert_eq!(row.last_error.as_deref(), Some("timed_out"));
    eprintln!("slow: {took:?}, other session: {other:?}");
    assert!(other < took && took < Duration::from_secs(25), "{took:?}");
}
