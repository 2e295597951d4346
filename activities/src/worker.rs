//! The worker: both task queues, or one of them, in one process.

use crate::{
    commands::Commands,
    config::{Config, Queues},
    follow_ups::Relay,
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    news::{CallOut, DropCopies},
    outreach::OutreachActivities,
    series::SeriesActivities,
    sessions::SessionActivities,
    waitlist::{OfferMailActivities, WaitlistActivities},
};
use entities::{cache::Cache, db::Db};
use settings::LinkKeys;
use std::{sync::Arc, time::Duration};
use temporalio_client::Client;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::watch;
use workflows::{
    series::workflow::{SeriesBooking, SeriesCancellation},
    sessions::{contract::outreach_queue, workflow::SessionBooking},
    waitlist::workflow::Waitlist,
};

/// What the steps work with.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// Who makes meeting links.
    pub meetings: Arc<MeetingProvider>,
    /// Who sends mail; absent in a worker that serves no outreach.
    pub mailer: Option<Arc<Mailer>>,
    /// Where the API is reached, for links in mails.
    pub public_url: String,
    /// How many slots one client may hold at a time.
    pub max_holds: u32,
    /// What runs around every step.
    pub around: Around,
    /// How long a slot is offered to somebody who waits.
    pub offer_minutes: u32,
    /// Sign the links in mails that need no login.
    pub links: LinkKeys,
    /// Redis, where there is one.
    pub cache: Option<Cache>,
}

/// How a worker is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The queue of the bookings; that of outreach is derived from it.
    pub task_queue: String,
    /// Which of the two to serve.
    pub queues: Queues,
    /// Open sessions kept in memory.
    pub workflow_cache: usize,
    /// How long steps under way may take to end after a stop.
    pub grace: Duration,
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self {
            task_queue: config.engine.task_queue.clone(),
            queues: config.queues,
            workflow_cache: config.workflow_cache as usize,
            grace: Duration::from_secs(config.shutdown_seconds.into()),
        }
    }
}

/// The workers of this process.
pub struct Workers {
    workers: Vec<Worker>,
    /// Beside the bookings: what must happen because rows have changed.
    relay: Option<Relay>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Workers of `options.queues`, polling nothing yet.
    ///
    /// # Errors
    /// When the engine's core refuses the options, or a worker of outreach has no mailer.
    pub fn new(runtime: &Runtime, client: &Client, options: &Options, services: &Services) -> anyhow::Result<Self> {
        let mut workers = Vec::new();
        let commands = Commands::new(client.clone(), &options.task_queue);
        let relay = options.queues.bookings.then(|| Relay {
            db: services.db.clone(),
            commands: commands.clone(),
            cache: services.cache.clone(),
        });
        if options.queues.bookings {
            let steps = SessionActivities {
                db: services.db.clone(),
                meetings: services.meetings.clone(),
                max_holds: services.max_holds,
            };
            let series = SeriesActivities {
                db: services.db.clone(),
                meetings: services.meetings.clone(),
                commands: commands.clone(),
            };
            let waitlist = WaitlistActivities {
                db: services.db.clone(),
                meetings: services.meetings.clone(),
                offer_minutes: services.offer_minutes,
                max_holds: services.max_holds,
                commands,
            };
            let mut options = WorkerOptions::new(&options.task_queue)
                .register_activities(steps)
                .register_activities(series)
                .register_activities(waitlist)
                .register_workflow::<SessionBooking>()?
                .register_workflow::<SeriesBooking>()?
                .register_workflow::<SeriesCancellation>()?
                .register_workflow::<Waitlist>()?
                .max_cached_workflows(options.workflow_cache)
                .graceful_shutdown_period(options.grace)
                .build();
            services.around.0(&mut options);
            workers.push(Worker::new(runtime, client.clone(), options)?);
        }
        if options.queues.outreach {
            let mailer = services
                .mailer
                .clone()
                .ok_or_else(|| anyhow::anyhow!("outreach needs a mail server"))?;
            let steps = OutreachActivities {
                db: services.db.clone(),
                mailer: mailer.clone(),
                public_url: services.public_url.clone(),
            };
            let offers = OfferMailActivities {
                db: services.db.clone(),
                mailer,
                public_url: services.public_url.clone(),
                links: services.links.clone(),
            };
            let mut options = WorkerOptions::new(outreach_queue(&options.task_queue))
                .register_activities(steps)
                .register_activities(offers)
                .graceful_shutdown_period(options.grace)
                .build();
            services.around.0(&mut options);
            workers.push(Worker::new(runtime, client.clone(), options)?);
        }
        Ok(Self {
            workers,
            relay,
            stop: watch::Sender::new(false),
        })
    }

    /// Something to call when the workers are to stop: polling ends, steps under way are waited for.
    #[must_use]
    pub fn stop_handle(&self) -> Box<dyn Fn() + Send + Sync> {
        let handles: Vec<_> = self.workers.iter().map(Worker::shutdown_handle).collect();
        let relay = self.stop.clone();
        Box::new(move || {
            relay.send_replace(true);
            handles.iter().for_each(|stop| stop());
        })
    }

    /// Serve until stopped. Not `Send`: run it on the main task or on a thread of its own.
    ///
    /// # Errors
    /// When a worker cannot go on, such as in a namespace that does not exist; the others are stopped then.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let stop = self.stop_handle();
        let stop = &stop;
        let mut stopped = self.stop.subscribe();
        let relay = async {
            if let Some(relay) = &self.relay {
                relay.run(&mut stopped).await;
            }
        };
        let runs = self.workers.iter_mut().map(|worker| async move {
            let result = worker.run().await;
            stop();
            result
        });
        let (results, ()) = futures::future::join(futures::future::join_all(runs), relay).await;
        for result in results {
            result?;
        }
        Ok(())
    }
}

/// What runs around every step of every queue.
#[derive(Clone)]
pub struct Around(Arc<dyn Fn(&mut WorkerOptions) + Send + Sync>);

impl Around {
    /// Whatever `add` adds to a worker's options.
    pub fn new(add: impl Fn(&mut WorkerOptions) + Send + Sync + 'static) -> Self {
        Self(Arc::new(add))
    }

    /// Where there is a Redis: word to those who follow a session, who look by themselves where there is none, and copies
    /// dropped with what they were made of.
    #[must_use]
    pub fn calling_out(cache: Option<Cache>) -> Self {
        Self::new(move |options| {
            if let Some(cache) = &cache {
                options.activity_inbound_interceptor(CallOut(cache.clone()));
                options.activity_inbound_interceptor(DropCopies(cache.clone()));
            }
        })
    }
}
