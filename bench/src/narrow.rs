//! `bench worker`: our worker, with few slots for what leaves the house, so that waiting and not the processor is its limit.

use crate::engine;
use activities::{
    accounts::identity::IdentityProvider,
    busy_feeds::Pace,
    config::Config,
    mail::sender::Mailer,
    meetings::provider::MeetingProvider,
    outside::Outside,
    worker::{Around, Options, Services, Workers},
};
use anyhow::Result;
use entities::db::Db;
use settings::Sealer;
use std::{env, sync::Arc, time::Duration};
use temporalio_sdk::{
    Runtime,
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
};

/// Serve what the environment says until killed.
///
/// # Errors
/// When it cannot go on.
pub async fn serve(slots: usize) -> Result<()> {
    let config = Config::from_env().map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let db = Db::connect(config.database_url.expose(), &entities::db::Options::default()).await?;
    let mailer = config
        .smtp_url
        .as_ref()
        .map(|url| Mailer::new(url.expose(), &config.mail_from, &[]));
    let identity = config
        .identity
        .as_ref()
        .map(|realm| IdentityProvider::new(realm).map(Arc::new));
    let services = Services {
        db,
        meetings: Arc::new(MeetingProvider::new(&config.meetings, config.derive_key.expose())?),
        mailer: mailer.transpose()?.map(Arc::new),
        public_url: config.public_url.to_string(),
        max_holds: config.max_holds,
        around: Around::new(move |options| {
            options.tuner = TunerHolder::builder()
                .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(100))
                .activity_task_slot_supplier(FixedSizeSlotSupplier::new(slots))
                .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(100))
                .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(100))
                .build()
                .into();
        }),
        offer_minutes: config.offer_minutes,
        links: config.link_keys.clone(),
        outside: Outside::new(config.reach)?,
        feeds: Pace::new(Duration::from_secs(900)),
        own_host: config.mail_from.host().to_owned(),
        report_recipients: Vec::new(),
        identity: identity.transpose()?,
        sealer: Sealer::new(&config.derive_key),
        cache: None,
    };
    let options = Options {
        timetable: None,
        ..Options::from(&config)
    };
    let client = engine::connect(&env::var("TEMPORAL_ADDRESS")?).await?;
    Workers::new(&runtime, &client, &options, &services)?.run().await
}
