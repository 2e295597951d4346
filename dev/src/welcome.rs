//! What to open, and what to try first.

use crate::{
    config::Config,
    identity::{self, Identity},
    run_file::Urls,
    say::say,
};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Who books in the example.
const CLIENT: &str = "ada";

/// Print where everything is, and a booking ready to be sent.
pub async fn print(config: &Config, urls: &Urls, identity: &Identity) {
    let Urls {
        api,
        docs,
        metrics: _,
        worker_metrics,
        issuer: issuer_url,
        outbox,
        temporal,
        temporal_ui,
        keycloak,
        ..
    } = urls;
    let tokens = match keycloak {
        Some(pages) => format!("Keycloak        {pages}  (admin, {})", identity::PASSWORD),
        None => format!("Token issuer    {issuer_url}"),
    };
    let mails = if config.smtp_url.is_some() {
        "mails go to SMTP_URL"
    } else {
        "every mail that was sent"
    };
    let cache = if config.has_redis {
        "REDIS_URL"
    } else {
        "none (set REDIS_URL)"
    };
    say(&format!(
        "
  API             {api}  (documentation: {docs})
  Temporal        {temporal_ui}  (address {temporal})
  Outbox          {outbox}  ({mails})
  {tokens}
  Metrics         {worker_metrics}  (the worker's)
  Cache           {cache}
  Data            {folder}  (logs in {folder}/logs, all of the above in {folder}/run.json)
",
        folder = config.folder.display()
    ));
    match example(urls, identity).await {
        Ok(example) => say(&format!("Book a session:\n\n{example}\n")),
        Err(error) => say(&format!("dev: no example of a booking: {error:#}\n")),
    }
    if keycloak.is_some() {
        let password = identity::PASSWORD;
        say(&format!(
            "Everybody's password is {password}; who there is stands in run.json.\n"
        ));
    }
    say("Ctrl-C stops all of it; `make clean-data` forgets it.");
}

#[derive(Deserialize)]
struct Specialists {
    items: Vec<Specialist>,
}

#[derive(Deserialize)]
struct Specialist {
    id: String,
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    id: String,
}

#[derive(Deserialize)]
struct Availability {
    days: Vec<Day>,
}

#[derive(Deserialize)]
struct Day {
    slots: Vec<Slot>,
}

#[derive(Deserialize)]
struct Slot {
    starts_at: Timestamp,
}

/// Commands that book the next free slot of somebody, as the API itself knows it.
async fn example(urls: &Urls, identity: &Identity) -> Result<String> {
    let http = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(10))
        .build()?;
    let token = identity.token(&http, CLIENT).await?;
    let get = async |path: String| {
        let answer = http
            .get(format!("{}{path}", urls.api))
            .bearer_auth(&token)
            .send()
            .await?;
        answer.error_for_status()?.bytes().await
    };
    // What starts within the hour might be gone before somebody pastes this.
    let from = Timestamp::now() + SignedDuration::from_hours(1);
    let to = from + SignedDuration::from_hours(21 * 24);
    let specialists: Specialists = serde_json::from_slice(&get("/api/specialists?limit=100".to_owned()).await?)?;
    for Specialist { id, services } in specialists.items {
        let Some(Service { id: service }) = services.into_iter().next() else {
            continue;
        };
        let query = format!("from={from:.0}&to={to:.0}&service_id={service}");
        let availability = get(format!("/api/specialists/{id}/availability?{query}")).await?;
        let Availability { days } = serde_json::from_slice(&availability)?;
        if let Some(slot) = days.into_iter().flat_map(|day| day.slots).next() {
            return Ok(commands(urls, identity, &id, &service, slot.starts_at));
        }
    }
    None.context("nobody has a free slot within three weeks")
}

fn commands(urls: &Urls, identity: &Identity, specialist: &str, service: &str, starts_at: Timestamp) -> String {
    let (Urls { api, .. }, curl) = (urls, identity.curl(CLIENT));
    format!(
        r#"  TOKEN=$({curl})
  curl -si {api}/api/sessions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -H 'Prefer: wait=10' -H 'Idempotency-Key: example-{starts_at}' \
    -d '{{"specialist_id":"{specialist}","service_id":"{service}","starts_at":"{starts_at}"}}'"#
    )
}
