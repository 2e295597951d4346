//! Everything but the HTTP layer: a database, an outbox, an engine and a worker.

use super::{
    database::{Kind, TestDatabase},
    engine,
    faults::Faults,
    people::SpecialistBuilder,
    wait::until,
};
use crate::{
    accounts::identity::{IdentityProvider, Realm},
    busy_feeds::Pace,
    config::{Meetings, Queues},
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    outbox::{message::Message, server::Outbox},
    outside::{Limits, Outside},
    schedules::Timetable,
    worker::{Around, Deployment, Options, Services, Workers},
};
use entities::{session, session_event};
use settings::{LinkKeys, Reach, Sealer, Sender};
use std::{sync::Arc, thread::JoinHandle, time::Duration};
use temporalio_client::Client;
use temporalio_sdk::Runtime;
use uuid::Uuid;
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{BOOKINGS_QUEUE, workflow_id},
        state::SessionState,
    },
};

/// Keys of tests, and of tests only.
pub const DERIVE_KEY: &str = "a key for tests, and for tests only";
/// Who mails are from, and what the UIDs of sessions end with.
pub const MAIL_FROM: &str = "Aroti <no-reply@aroti.test>";
/// Whom reports are mailed to.
pub const REPORT_RECIPIENTS: [&str; 2] = ["reports@operators.test", "second@operators.test"];
/// Where links lead.
pub const PUBLIC_URL: &str = "https://api.aroti.test";

/// A database, an outbox, an engine and a worker that belong to one test.
pub struct World {
    // First, so that it is stopped before what it works with.
    worker: Option<RunningWorker>,
    /// The database.
    pub database: TestDatabase,
    /// Where mails arrive.
    pub outbox: Outbox,
    /// The engine.
    pub engine: Client,
    /// Where the engine is.
    pub address: String,
    /// The queue of this test's bookings.
    pub queue: String,
    /// What goes wrong in the steps of its worker.
    pub faults: Faults,
    meetings: Meetings,
    /// How far it calls addresses of strangers.
    pub reach: Reach,
    timetable: Option<Timetable>,
    identity: Option<Realm>,
    deployment: Option<Deployment>,
}

/// What is out of the ordinary.
#[derive(Default)]
pub struct Setup {
    /// Another server than the shared one.
    pub address: Option<String>,
    /// A meeting service; Jitsi otherwise.
    pub meetings_url: Option<String>,
    /// The meeting service binds meetings to their hour.
    pub replaces_meetings: bool,
    /// An identity provider's realm; none otherwise.
    pub identity: Option<Realm>,
    /// No worker yet.
    pub idle: bool,
    /// How far it calls addresses of strangers; the public internet otherwise.
    pub reach: Reach,
    /// What its worker does daily: nothing otherwise.
    pub timetable: Option<Timetable>,
    /// Which version its worker is; none otherwise.
    pub deployment: Option<Deployment>,
}

impl Setup {
    /// Without a worker yet.
    pub fn idle() -> Self {
        Self {
            idle: true,
            ..Self::default()
        }
    }
}

impl World {
    /// An ordinary one.
    pub async fn new(kind: Kind) -> Self {
        Self::with(kind, Setup::default()).await
    }

    /// One that is out of the ordinary.
    ///
    /// # Panics
    /// When something cannot be started.
    pub async fn with(kind: Kind, setup: Setup) -> Self {
        log();
        let address = setup.address.unwrap_or_else(engine::shared_address);
        let any = "127.0.0.1:0".parse().unwrap();
        let meetings = match setup.meetings_url {
            Some(url) => Meetings::Http {
                url: url.parse().unwrap(),
                token: None,
                moves: !setup.replaces_meetings,
            },
            None => Meetings::Jitsi {
                url: "https://meet.example.test".parse().unwrap(),
                app_id: None,
                key: None,
            },
        };
        let mut world = Self {
            database: TestDatabase::new(kind).await,
            outbox: Outbox::start(any, any).await.unwrap(),
            engine: engine::connect(&address).await,
            address,
            queue: format!("{BOOKINGS_QUEUE}-{}", Uuid::new_v4().simple()),
            meetings,
            reach: setup.reach,
            timetable: setup.timetable,
            identity: setup.identity,
            deployment: setup.deployment,
            faults: Faults::default(),
            worker: None,
        };
        if !setup.idle {
            world.start_worker().await;
        }
        world
    }

    /// Start the worker, of both queues.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start_worker(&mut self) {
        let smtp = format!("smtp://{}", self.outbox.smtp_addr());
        let services = Services {
            db: entities::db::Db::connect(&self.database.url, &super::database::options())
                .await
                .unwrap(),
            meetings: Arc::new(MeetingProvider::new(&self.meetings, DERIVE_KEY).unwrap()),
            mailer: Some(Arc::new(Mailer::new(&smtp, &MAIL_FROM.parse().unwrap(), &[]).unwrap())),
            public_url: PUBLIC_URL.to_owned(),
            max_holds: 3,
            offer_minutes: 60,
            links: LinkKeys::new(&[DERIVE_KEY.to_owned().into()]),
            outside: Outside::new(self.reach).unwrap(),
            feeds: pace(),
            own_host: MAIL_FROM.parse::<Sender>().unwrap().host().to_owned(),
            report_recipients: REPORT_RECIPIENTS.map(str::to_owned).to_vec(),
            identity: self
                .identity
                .as_ref()
                .map(|realm| Arc::new(IdentityProvider::new(realm).unwrap())),
            sealer: Sealer::new(&DERIVE_KEY.to_owned().into()),
            cache: None,
            around: Around::new({
                let faults = self.faults.clone();
                move |options| {
                    options.activity_inbound_interceptor(faults.clone());
                }
            }),
        };
        let options = Options {
            task_queue: self.queue.clone(),
            queues: Queues {
                bookings: true,
                outreach: true,
            },
            workflow_cache: 1_000,
            grace: Duration::from_secs(5),
            timetable: self.timetable,
            deployment: self.deployment.clone(),
        };
        self.worker = Some(RunningWorker::start(self.engine.clone(), options, services).await);
    }

    /// Have the worker that starts next do that daily.
    pub fn set_timetable(&mut self, timetable: Timetable) {
        self.timetable = Some(timetable);
    }

    /// Stop the worker, steps under way waited for.
    pub async fn stop_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop().await;
        }
    }

    /// A specialist to be.
    #[must_use]
    pub fn specialist(&self) -> SpecialistBuilder {
        SpecialistBuilder::new(&self.database.db)
    }

    /// The row of a session.
    ///
    /// # Panics
    /// When the database is away.
    pub async fn row(&self, session: SessionId) -> Option<session::Model> {
        session::by_id(self.database.db.reader(), session).await.unwrap()
    }

    /// The timeline of a session, as `step:status`.
    ///
    /// # Panics
    /// When the database is away.
    pub async fn timeline(&self, session: SessionId) -> Vec<String> {
        let events = session_event::of_session(self.database.db.reader(), session, 0)
            .await
            .unwrap();
        events
            .into_iter()
            .map(|event| format!("{}:{}", event.step, event.status))
            .collect()
    }

    /// When each such entry of its timeline happened, by the workflow's time.
    ///
    /// # Panics
    /// When the database is away.
    pub async fn times(&self, session: SessionId, event: &str) -> Vec<workflows::time::Instant> {
        let events = session_event::of_session(self.database.db.reader(), session, 0)
            .await
            .unwrap();
        let these = events
            .into_iter()
            .filter(|entry| format!("{}:{}", entry.step, entry.status) == event);
        these.map(|entry| entry.at).collect()
    }

    /// Wait until the session stands so.
    pub async fn until_status(&self, session: SessionId, status: SessionState) -> session::Model {
        until(&format!("session {session} is {}", status.as_str()), async || {
            self.row(session).await.filter(|row| row.status == status)
        })
        .await
    }

    /// Wait until its timeline has so many such entries.
    pub async fn until_event(&self, session: SessionId, event: &str, n: usize) {
        until(&format!("{n} × {event} in the timeline of {session}"), async || {
            let found = self
                .timeline(session)
                .await
                .iter()
                .filter(|entry| *entry == event)
                .count();
            (n <= found).then_some(())
        })
        .await;
    }

    /// Wait for a mail to `to` that `is` the one.
    ///
    /// # Panics
    /// When none comes.
    pub async fn mail(&self, to: &str, is: impl Fn(&Message) -> bool) -> Message {
        let found = self.outbox.wait_for(super::wait::PATIENCE, |messages| {
            messages
                .iter()
                .find(|message| message.is_to(to) && is(message))
                .cloned()
        });
        found.await.unwrap_or_else(|| panic!("no such mail to {to}"))
    }

    /// Let the time of a run, whatever it is, run to its end.
    pub async fn skip_run(&self, workflow_id: &str) {
        engine::skip(&self.engine, workflow_id, None).await;
    }

    /// Let the session's time run ahead.
    pub async fn skip(&self, session: SessionId, ahead: Option<Duration>) {
        engine::skip(&self.engine, &workflow_id(session), ahead).await;
    }
}

/// Calendars of tests are small.
fn pace() -> Pace {
    let pace = Pace::new(Duration::from_secs(15 * 60));
    Pace {
        call: Limits {
            bytes: 100_000,
            ..pace.call
        },
        ..pace
    }
}

/// With `LOG_LEVEL` set, tests say what their processes say.
fn log() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if let Some(level) = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()) {
            telemetry::init(
                "test",
                &telemetry::LogOptions {
                    level,
                    format: telemetry::LogFormat::Pretty,
                },
            );
        }
    });
}

/// A worker on a thread of its own, because it is not `Send`.
struct RunningWorker {
    stop: Box<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<()>>,
}

impl RunningWorker {
    async fn start(client: Client, options: Options, services: Services) -> Self {
        let (started, is_started) = tokio::sync::oneshot::channel();
        let handle = tokio::runtime::Handle::current();
        let thread = std::thread::spawn(move || {
            let _entered = handle.enter();
            let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
            let mut workers = Workers::new(&runtime, &client, &options, &services).unwrap();
            started.send(workers.stop_handle()).ok();
            handle.block_on(async { workers.run().await.unwrap() });
        });
        Self {
            stop: is_started.await.unwrap(),
            thread: Some(thread),
        }
    }

    async fn stop(mut self) {
        (self.stop)();
        if let Some(thread) = self.thread.take() {
            tokio::task::spawn_blocking(move || thread.join()).await.ok();
        }
    }
}

impl Drop for RunningWorker {
    /// Ends with the test and not after its runtime, whose other threads finish what is under way.
    fn drop(&mut self) {
        (self.stop)();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
