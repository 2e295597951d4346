//! Who hands out tokens: the development issuer, or a real Keycloak.
//!
//! With `KEYCLOAK=1` it is a Keycloak with the realm of `charts/platform/realm`, to which the demo people are added, under
//! the same ids that the issuer would give them, so that both serve the same data.

use crate::{config::Config, run_file::User, tools};
use anyhow::{Context, Result, bail};
use api::auth::issuer::{self, Issuer};
use reqwest::header;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// The password of everybody in a development Keycloak, its administrator included.
pub const PASSWORD: &str = "aroti-development";
/// The variable of the backend's secret, kept with the other keys.
pub const SECRET: &str = "KEYCLOAK_CLIENT_SECRET";
/// How long the first start may take, which makes the database.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// A client for `curl`: it trades a password for a token, which the app's never does.
const CLIENT: &str = "aroti-dev";
const REALM: &str = include_str!("../../charts/platform/realm/aroti.json");
const START: &str = include_str!("../../scripts/keycloak");

/// Whoever hands out tokens here.
pub enum Identity {
    /// In this process.
    Issuer(Issuer),
    /// A child; its realm's address.
    Keycloak(String),
}

impl Identity {
    /// A token of a demo client.
    ///
    /// # Errors
    /// Keycloak gives none.
    pub async fn token(&self, http: &reqwest::Client, user: &str) -> Result<String> {
        match self {
            Self::Issuer(issuer) => Ok(issuer.token(user, &["user"], 60)),
            Self::Keycloak(url) => {
                let form = format!("grant_type=password&client_id={CLIENT}&username={user}&password={PASSWORD}");
                let answer = http
                    .post(format!("{url}/protocol/openid-connect/token"))
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form)
                    .send()
                    .await?;
                let answer: Value = answer.error_for_status()?.json().await?;
                let token = answer
                    .get("access_token")
                    .unwrap_or(&Value::Null)
                    .as_str()
                    .context("Keycloak answered without a token")?;
                Ok(token.to_owned())
            }
        }
    }

    /// What to type for a token of `user`, printed as it is.
    pub fn curl(&self, user: &str) -> String {
        let ask = match self {
            Self::Issuer(issuer) => format!(
                r#"{url}/token -H 'Content-Type: application/json' \
    -d '{{"user":"{user}","roles":["user"]}}'"#,
                url = issuer.url()
            ),
            Self::Keycloak(url) => format!(
                r"{url}/protocol/openid-connect/token \
    -d 'grant_type=password&client_id={CLIENT}&username={user}&password={PASSWORD}'"
            ),
        };
        format!(r#"curl -s {ask} | sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#)
    }
}

/// What starts a Keycloak.
pub struct Keycloak {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    secret: String,
}

impl Keycloak {
    /// Find or install it, and write the realm with `people` in it.
    ///
    /// # Errors
    /// It cannot be installed, or the folder not be written.
    pub async fn prepare(config: &Config, keys: &BTreeMap<String, String>, people: &[User]) -> Result<Self> {
        let program = tools::find("keycloak").await?;
        let folder = config.folder.join("keycloak");
        let import = folder.join("data/import");
        fs::create_dir_all(&import).with_context(|| format!("cannot make {}", import.display()))?;
        let realm = realm(people, config.ports.outbox_smtp.number)?;
        let file = import.join("aroti.json");
        fs::write(&file, serde_json::to_vec_pretty(&realm)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let folder = fs::canonicalize(&folder).context("the folder of Keycloak")?;
        let Some(secret) = keys.get(SECRET).cloned() else {
            bail!("{SECRET} was not kept");
        };
        Ok(Self {
            program,
            folder,
            port: config.ports.issuer.number,
            secret: env::var(SECRET)
                .ok()
                .filter(|secret| !secret.is_empty())
                .unwrap_or(secret),
        })
    }

    /// The command, anew for each start.
    pub fn command(&self) -> impl Fn() -> Command + Send + 'static {
        let (program, folder, port, secret) = (
            self.program.clone(),
            self.folder.clone(),
            self.port,
            self.secret.clone(),
        );
        move || {
            let mut command = Command::new("sh");
            command
                .args(["-c", START, "keycloak"])
                .arg::<&Path>(&program)
                .arg::<&Path>(&folder)
                .arg(port.to_string())
                .env(SECRET, &secret)
                .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
                .env("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD);
            command
        }
    }
}

/// The realm of every place, with what only a developer's machine may have.
fn realm(people: &[User], smtp_port: u16) -> Result<Value> {
    let mut realm: Value = serde_json::from_str(REALM).context("charts/platform/realm/aroti.json")?;
    let mut append = |list: &str, more: Vec<Value>| {
        let list = realm.get_mut(list).and_then(Value::as_array_mut);
        list.map(|list| list.extend(more))
    };
    let person = |User { user, roles }: &User| {
        json!({
            // The `sub`.
            "id": issuer::subject_of(user),
            "username": user, "email": format!("{user}@example.test"), "emailVerified": true, "enabled": true,
            "firstName": user, "lastName": "Demo",
            "credentials": [{ "type": "password", "value": PASSWORD }],
            "realmRoles": roles,
        })
    };
    append("users", people.iter().map(person).collect()).context("the realm has no users")?;
    let audience = json!({
        "name": "audience of the backend", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.client.audience": issuer::AUDIENCE, "access.token.claim": "true" },
    });
    let client = json!({
        "clientId": CLIENT, "publicClient": true, "standardFlowEnabled": false, "directAccessGrantsEnabled": true,
        "fullScopeAllowed": true, "protocolMappers": [audience],
    });
    append("clients", vec![client]).context("the realm has no clients")?;
    // For apps under development, on any port; mails go to the outbox.
    let clients = realm.get_mut("clients").and_then(Value::as_array_mut);
    let app = clients.and_then(|clients| clients.iter_mut().find(|client| client["clientId"] == "aroti-ios"));
    let uris = app
        .and_then(|app| app.get_mut("redirectUris"))
        .and_then(Value::as_array_mut);
    let uris = uris.context("the realm has no app")?;
    uris.extend(["http://127.0.0.1:*", "http://localhost:*"].map(Value::from));
    if let Some(realm) = realm.as_object_mut() {
        let server = json!({ "host": "127.0.0.1", "port": smtp_port.to_string(), "from": "no-reply@localhost" });
        realm.insert("smtpServer".to_owned(), server);
    }
    Ok(realm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_realm_has_the_demo_people_under_the_ids_of_the_issuer() {
        let people = crate::seed::people();
        let realm = realm(&people, 1025).unwrap();
        let users = realm["users"].as_array().unwrap();
        for User { user, roles } in &people {
            let found = users.iter().find(|other| other["username"] == *user).unwrap();
            assert_eq!(found["id"], json!(issuer::subject_of(user)), "{user}");
            assert_eq!(found["realmRoles"], json!(roles), "{user}");
        }
        assert!(people.iter().any(|person| person.roles.contains(&"admin")));
        assert!(people.iter().any(|person| person.roles.contains(&"specialist")));
    }

    #[test]
    fn the_realm_of_every_place_has_no_secret_no_people_and_one_way_in() {
        let realm: Value = serde_json::from_str(REALM).unwrap();
        let users: Vec<_> = realm["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| &user["username"])
            .collect();
        assert_eq!(users, ["service-account-aroti-backend"]);
        for client in realm["clients"].as_array().unwrap() {
            assert_eq!(client["directAccessGrantsEnabled"], false, "{client}");
            assert_eq!(client["implicitFlowEnabled"], false, "{client}");
            let secret = client["secret"].as_str().unwrap_or("${");
            assert!(secret.starts_with("${"), "{client}");
            let uris = client["redirectUris"].as_array().unwrap();
            assert!(uris.iter().all(|uri| uri == "aroti://oauth/callback"), "{client}");
        }
    }
}
