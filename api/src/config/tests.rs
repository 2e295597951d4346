use super::{Config, Cors};
use settings::Environment;

fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let get = |name: &str| {
        vars.iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::from_map(&get).map_err(|problems| problems.0)
}

const KEY: (&str, &str) = ("DERIVE_KEY", "0123456789abcdef0123456789abcdef");
const PRODUCTION: [(&str, &str); 7] = [
    ("APP_ENV", "production"),
    ("DATABASE_URL", "postgres://aroti:hunter2@db/aroti"),
    ("KEYCLOAK_ISSUER_URI", "https://auth.example.com/realms/aroti"),
    ("TEMPORAL_ADDRESS", "temporal-frontend.temporal.svc.cluster.local:7233"),
    ("PUBLIC_URL", "https://api.example.com"),
    ("MAIL_FROM", "Aroti <mail@example.com>"),
    KEY,
];

#[test]
fn development_needs_a_database_and_a_key() {
    let config = read(&[("DATABASE_URL", "sqlite://a.db"), KEY]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(
        (config.host.to_string().as_str(), config.port, config.metrics_port),
        ("127.0.0.1", 8888, 9090)
    );
    assert_eq!(
        config.jwks.as_str(),
        "http://127.0.0.1:8180/protocol/openid-connect/certs"
    );
    assert_eq!(config.engine.address.as_str(), "http://127.0.0.1:7233/");
    assert_eq!(
        (config.engine.namespace.as_str(), config.engine.task_queue.as_str()),
        ("default", "bookings")
    );
    assert_eq!(config.audience, "aroti-backend");
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8888/");
    assert_eq!(config.mail_from.host(), "localhost");
    assert_eq!(config.cors, Cors::None);
}

#[test]
fn production_is_complete() {
    let config = read(&PRODUCTION).unwrap();
    assert_eq!(config.host.to_string(), "0.0.0.0");
    assert_eq!(
        config.jwks.as_str(),
        "https://auth.example.com/realms/aroti/protocol/openid-connect/certs"
    );
    assert!(!format!("{config:?}").contains("hunter2"), "secrets do not print");
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = read(&[
        ("APP_ENV", "staging"),
        ("APP_PORT", "80888"),
        ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "mysql://db"),
        ("DATABASE_POOL_SIZE", "0"),
        ("REDIS_URL", "memcached://x"),
        ("DERIVE_KEY", "short"),
        ("TEMPORAL_ADDRESS", "temporal"),
        ("TEMPORAL_TLS_CERT", "/nowhere/cert.pem"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com/path"),
        ("PUBLIC_URL", " "),
        ("MAIL_FROM", "Aroti"),
    ])
    .unwrap_err();
    let names: Vec<_> = problems
        .iter()
        .map(|problem| problem.split(':').next().unwrap())
        .collect();
    for name in [
        "APP_PORT",
        "LOG_LEVEL",
        "DATABASE_URL",
        "DATABASE_POOL_SIZE",
        "REDIS_URL",
        "DERIVE_KEY",
        "TEMPORAL_ADDRESS",
        "TEMPORAL_TLS_CERT",
        "CORS_ALLOWED_ORIGINS",
        "PUBLIC_URL",
        "MAIL_FROM",
        "KEYCLOAK_ISSUER_URI",
    ] {
        assert!(names.contains(&name), "{name} is missing from {problems:#?}");
    }
}

#[test]
fn production_refuses_what_development_may() {
    for (name, value) in [
        ("DATABASE_URL", "sqlite:///data/aroti.db"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("KEYCLOAK_ISSUER_URI", "http://127.0.0.1:8180"),
        ("KEYCLOAK_ISSUER_URI", "http://localhost:8180"),
        ("KEYCLOAK_JWKS_URI", "http://[::1]:8180/certs"),
    ] {
        let mut vars = PRODUCTION.to_vec();
        vars.retain(|(other, _)| *other != name);
        vars.push((name, value));
        let problems = read(&vars).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.starts_with(name)),
            "{name}={value}: {problems:?}"
        );
    }
}

#[test]
fn tls_is_on_when_anything_asks_for_it() {
    let with = |name, value| {
        let mut vars = PRODUCTION.to_vec();
        vars.retain(|(other, _)| *other != name);
        vars.push((name, value));
        read(&vars).unwrap().engine
    };
    for (name, value) in [
        ("TEMPORAL_TLS", "true"),
        ("TEMPORAL_API_KEY", "secret"),
        ("TEMPORAL_TLS_SERVER_NAME", "temporal"),
        ("TEMPORAL_ADDRESS", "https://temporal.example.com:7233"),
    ] {
        let temporal = with(name, value);
        assert!(temporal.tls.on, "{name}");
        assert_eq!(temporal.address.scheme(), "https", "{name}");
    }
    assert!(!with("TEMPORAL_NAMESPACE", "aroti").tls.on);
}

#[test]
fn origins_are_a_list() {
    let cors: Cors = "https://app.example.com, http://127.0.0.1:3000".parse().unwrap();
    assert_eq!(
        cors,
        Cors::Origins(vec![
            "https://app.example.com".to_owned(),
            "http://127.0.0.1:3000".to_owned()
        ])
    );
}

#[test]
fn every_variable_is_documented_with_its_default() {
    settings::reference::prove(
        settings::reference::Of::Api,
        &|get| Config::from_map(get),
        &[("DATABASE_URL", "postgres://aroti:hush-hush@db/aroti"), KEY],
        &[],
    );
}
