//! Every variable that `make run` reads; what is not named here reaches the API and the worker as it is.

use crate::ports::{Port, Ports};
use settings::{Environment, Problems, Vars};
use std::path::PathBuf;
use telemetry::Secret;

/// What `make run` is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DEV_DIR`: the one folder of data; `.dev`.
    pub folder: PathBuf,
    /// `APP_PORT` and its like, see [`Ports`].
    pub ports: Ports,
    /// `DATABASE_URL`: `sqlite:<folder>/aroti.db`.
    pub database_url: Secret<String>,
    /// `SMTP_URL`: a mail server; the outbox where absent.
    pub smtp_url: Option<Secret<String>>,
    /// `PUBLIC_URL`: where links in mails lead; the API where absent.
    pub public_url: Option<String>,
    /// `REDIS_URL`: whether there is a cache.
    pub has_redis: bool,
    /// `KEYCLOAK`: `1` for a real Keycloak in place of the token issuer; `0`.
    pub keycloak: bool,
}

impl Config {
    /// The folder alone, whatever else is wrong.
    pub fn folder() -> PathBuf {
        folder(&Vars::new(&Vars::process_env))
    }

    /// Read the environment of this process, and see whether the ports are free.
    ///
    /// # Errors
    /// [`Problems`]: all of them, not only the first.
    pub fn from_env() -> Result<Self, Problems> {
        Self::from_map(&Vars::process_env, &Port::in_use)
    }

    fn from_map(get: &dyn Fn(&str) -> Option<String>, in_use: &dyn Fn(&Port) -> bool) -> Result<Self, Problems> {
        let mut vars = Vars::new(get);
        let environment = vars.or("APP_ENV", Environment::Development);
        if environment != Environment::Development {
            vars.problem(
                "APP_ENV",
                "must be development: this hands out tokens to anybody who asks",
            );
        }
        let folder = folder(&vars);
        let ports = Ports::read(&mut vars, in_use);
        let database_url = match vars.text("DATABASE_URL") {
            // Relative, as long as the folder is: what a path may hold, a URL may not.
            None => Some(format!("sqlite:{}", folder.join("aroti.db").display()).into()),
            Some(_) => vars.database(environment),
        };
        let smtp_url = vars.text("SMTP_URL").map(Secret::new);
        let public_url = vars.text("PUBLIC_URL");
        let has_redis = vars.text("REDIS_URL").is_some();
        let keycloak = match vars.text("KEYCLOAK").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => {
                vars.problem("KEYCLOAK", "must be 0 or 1");
                false
            }
        };
        let problems = vars.problems();
        match database_url {
            Some(database_url) if problems.is_empty() => Ok(Self {
                folder,
                ports,
                database_url,
                smtp_url,
                public_url,
                has_redis,
                keycloak,
            }),
            _ => Err(Problems(problems)),
        }
    }
}

fn folder(vars: &Vars<'_>) -> PathBuf {
    PathBuf::from(vars.text("DEV_DIR").unwrap_or_else(|| ".dev".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Problems> {
        let get = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::from_map(&get, &|port| port.number == 7233 || port.number == 1025)
    }

    #[test]
    fn nothing_has_to_be_said() {
        let config = Config::from_map(&|_| None, &|_| false).unwrap();
        assert_eq!(config.database_url.expose(), "sqlite:.dev/aroti.db");
        assert_eq!(config.ports.app.number, 8888);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let pairs = [
            ("APP_ENV", "production"),
            ("APP_PORT", "many"),
            ("TEMPORAL_UI_PORT", "9090"),
            ("OUTBOX_SMTP_PORT", "2525"),
            ("DATABASE_URL", "mysql://x"),
            ("KEYCLOAK", "yes"),
        ];
        let Problems(problems) = read(&pairs).unwrap_err();
        let names: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            names,
            [
                "APP_ENV",
                "APP_PORT",
                "TEMPORAL_PORT",
                "TEMPORAL_UI_PORT",
                "DATABASE_URL",
                "KEYCLOAK"
            ],
            "{problems:?}"
        );
    }
}
