//! What the metrics show of the database: follow-ups that wait, and how the business does.

use entities::{
    db::{self, Db},
    figures, follow_up,
};
use std::time::Duration;
use telemetry::metrics;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked: an alert of a backlog is not later than this.
const PAUSE: Duration = Duration::from_secs(15);
/// After how many looks the business is looked at, which takes longer to read and to change.
const LOOKS: u32 = 40;

/// Look again and again. Each worker shows the same figures; whoever adds workers up takes the maximum.
pub async fn show(db: Db) {
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in 0_u32.. {
        pauses.tick().await;
        telemetry::best_effort("look at follow-ups", follow_ups(&db)).await;
        if look % LOOKS == 0 {
            telemetry::best_effort("look at the business", business(&db)).await;
        }
    }
}

/// Show the follow-ups that wait; not of a replica, which would show its own lag.
///
/// # Errors
/// Whatever the database says.
pub async fn follow_ups(db: &Db) -> anyhow::Result<()> {
    let now = db::now(db.reader()).await?;
    let (pending, oldest) = follow_up::pending(db.reader()).await?;
    let age = oldest.map_or(Duration::ZERO, |oldest| oldest.until(now));
    metrics::follow_ups(pending, age);
    Ok(())
}

/// Show how the business does.
///
/// # Errors
/// Whatever the database says.
pub async fn business(db: &Db) -> anyhow::Result<()> {
    let now = db::now(db.replica()).await?;
    metrics::business(&figures::load(db.replica(), now).await?);
    Ok(())
}
