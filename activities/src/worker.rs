//! The worker: both task queues, or one of them, in one process.

use crate::{
    accounts::{AccountActivities, identity::IdentityProvider},
    busy_feeds::{BusyFeedActivities, Pace},
    commands::Commands,
    config::{Config, Queues},
    follow_ups::Relay,
    insights::InsightActivities,
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    news::{CallOut, DropCopies},
    origin::Told,
    outreach::OutreachActivities,
    outside::Outside,
    reconciliation::ReconciliationActivities,
    reports::{ReportActivities, ReportMailActivities},
    schedules::{Schedules, Timetable},
    series::SeriesActivities,
    sessions::SessionActivities,
    waitlist::{OfferMailActivities, WaitlistActivities},
    webhooks::{WebhookActivities, WebhookOutreachActivities, line::Line},
};
use entities::{cache::Cache, db::Db};
use settings::{LinkKeys, Sealer};
use std::{sync::Arc, time::Duration};
use temporalio_client::Client;
use temporalio_common::worker::{VersioningBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::watch;
use workflows::{
    accounts::workflow::AccountDeletion,
    busy_feeds::workflow::BusyFeed,
    carried::carried,
    insights::workflow::DailyInsights,
    reconciliation::workflow::Reconciliation,
    reports::workflow::DailyReport,
    series::workflow::{SeriesBooking, SeriesCancellation},
    sessions::{contract::outreach_queue, workflow::SessionBooking},
    waitlist::workflow::Waitlist,
    webhooks::workflow::WebhookDelivery,
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
    /// Calls addresses of strangers.
    pub outside: Outside,
    /// How calendars elsewhere are read.
    pub feeds: Pace,
    /// What the UIDs of our own events end with.
    pub own_host: String,
    /// Whom the daily report is mailed to.
    pub report_recipients: Vec<String>,
    /// Who knows people beside us; nobody where the configuration names none.
    pub identity: Option<Arc<IdentityProvider>>,
    /// Opens secrets that are kept in the database.
    pub sealer: Sealer,
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
    /// What is done daily; nothing is scheduled without it.
    pub timetable: Option<Timetable>,
    /// Which version of the bookings' worker this is; nobody asks without it.
    pub deployment: Option<Deployment>,
}

/// A version of the worker of the bookings, by which the engine rolls releases out.
///
/// Only the queue of the bookings is versioned: outreach runs no workflows, and mails that wait when the version changes
/// are sent by whoever comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// What all versions have in common, such as `aroti`.
    pub name: String,
    /// Which one, such as the commit.
    pub build_id: String,
}

impl Deployment {
    /// Open runs go on with whichever version is current: sessions live for months, and releases know every flow of
    /// those that are open.
    fn options(&self) -> WorkerDeploymentOptions {
        let version = WorkerDeploymentVersion::builder()
            .deployment_name(&self.name)
            .build_id(&self.build_id)
            .build();
        WorkerDeploymentOptions::new(version)
            .use_worker_versioning(true)
            .default_versioning_behavior(VersioningBehavior::AutoUpgrade)
            .build()
    }
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self {
            task_queue: config.engine.task_queue.clone(),
            queues: config.queues,
            workflow_cache: config.workflow_cache as usize,
            grace: Duration::from_secs(config.shutdown_seconds.into()),
            timetable: Some(Timetable {
                report_hour_utc: config.report_hour_utc,
            }),
            deployment: config.deployment.clone(),
        }
    }
}

/// The workers of this process.
pub struct Workers {
    workers: Vec<Worker>,
    /// Beside the bookings: what must happen because rows have changed.
    relay: Option<Relay>,
    /// What is brought up to date when the workers start.
    schedules: Option<Schedules>,
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
        let timetable = options.timetable.filter(|_| options.queues.bookings);
        let schedules = timetable.map(|timetable| Schedules::new(client.clone(), &options.task_queue, timetable));
        if options.queues.bookings {
            let steps = SessionActivities {
                db: services.db.clone(),
                meetings: services.meetings.clone(),
                max_holds: services.max_holds,
                sealer: services.sealer.clone(),
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
                commands: commands.clone(),
            };
            let reconciliation = ReconciliationActivities::new(
                services.db.clone(),
                commands.clone(),
                client.clone(),
                &options.task_queue,
            );
            let accounts = AccountActivities {
                db: services.db.clone(),
                commands,
                identity: services.identity.clone(),
            };
            let webhooks = WebhookActivities {
                db: services.db.clone(),
            };
            let versioned = options.deployment.as_ref().map(Deployment::options);
            let mut options = WorkerOptions::new(&options.task_queue)
                .register_activities(steps)
                .register_activities(series)
                .register_activities(waitlist)
                .register_activities(InsightActivities {
                    db: services.db.clone(),
                })
                .register_activities(ReportActivities {
                    db: services.db.clone(),
                })
                .register_activities(accounts)
                .register_activities(webhooks)
                .register_activities(reconciliation)
                .register_workflow::<SessionBooking>()?
                .register_workflow::<SeriesBooking>()?
                .register_workflow::<SeriesCancellation>()?
                .register_workflow::<Waitlist>()?
                .register_workflow::<BusyFeed>()?
                .register_workflow::<DailyInsights>()?
                .register_workflow::<DailyReport>()?
                .register_workflow::<AccountDeletion>()?
                .register_workflow::<WebhookDelivery>()?
                .register_workflow::<Reconciliation>()?
                .max_cached_workflows(options.workflow_cache)
                .graceful_shutdown_period(options.grace)
                .build();
            if let Some(versioned) = versioned {
                options.deployment_options = versioned;
            }
            around(services, &mut options);
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
                mailer: mailer.clone(),
                public_url: services.public_url.clone(),
                links: services.links.clone(),
            };
            let feeds = BusyFeedActivities::new(
                services.db.clone(),
                services.outside.clone(),
                services.own_host.clone(),
                services.feeds,
            );
            let reports = ReportMailActivities {
                db: services.db.clone(),
                mailer: mailer.clone(),
                recipients: services.report_recipients.clone(),
            };
            let webhooks = WebhookOutreachActivities {
                db: services.db.clone(),
                outside: services.outside.clone(),
                sealer: services.sealer.clone(),
                mailer,
                line: Line::default(),
            };
            let mut options = WorkerOptions::new(outreach_queue(&options.task_queue))
                .register_activities(steps)
                .register_activities(offers)
                .register_activities(feeds)
                .register_activities(reports)
                .register_activities(webhooks)
                .graceful_shutdown_period(options.grace)
                .build();
            around(services, &mut options);
            workers.push(Worker::new(runtime, client.clone(), options)?);
        }
        Ok(Self {
            workers,
            relay,
            schedules,
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
        let mut stopped = self.stop.subscribe();
        let schedules = async {
            if let Some(schedules) = &self.schedules {
                schedules.keep(&mut stopped).await;
            }
        };
        let runs = self.workers.iter_mut().map(|worker| async move {
            let result = worker.run().await;
            stop();
            result
        });
        let (results, (), ()) = futures::future::join3(futures::future::join_all(runs), relay, schedules).await;
        for result in results {
            result?;
        }
        Ok(())
    }
}

/// What runs around every step and every workflow: first what tells whose doing it is.
fn around(services: &Services, options: &mut WorkerOptions) {
    options.workflow_interceptor(carried());
    options.activity_inbound_interceptor(Told);
    services.around.0(options);
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
