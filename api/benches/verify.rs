//! What judging a token costs, for one that was never seen and for one that is remembered: `cargo bench -p api`.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use api::auth::{
    issuer::{AUDIENCE, Issuer},
    jwks::{Keys, Patience},
    verifier::Verifier,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const TOKENS: usize = 2_000;
const ROUNDS: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let issuer = Issuer::start("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let url = format!("{}/protocol/openid-connect/certs", issuer.url());
    let keys = Keys::new(url.parse().unwrap(), Patience::default());
    let verifier = Verifier::new(keys, issuer.url(), AUDIENCE);
    verifier.verify(&issuer.token("warm", &["user"], 600)).await.unwrap();

    let tokens: Vec<_> = (0..TOKENS).map(|_| issuer.token("ada", &["user"], 600)).collect();
    report("never seen", &measured(&verifier, &tokens).await);
    let mut remembered = Vec::new();
    for _ in 0..ROUNDS {
        remembered.extend(measured(&verifier, &tokens).await);
    }
    report("remembered", &remembered);
}

async fn measured(verifier: &Verifier, tokens: &[String]) -> Vec<Duration> {
    let mut times = Vec::with_capacity(tokens.len());
    for token in tokens {
        let began = Instant::now();
        black_box(verifier.verify(black_box(token)).await.unwrap());
        times.push(began.elapsed());
    }
    times
}

fn report(what: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort();
    let at = |percent: usize| {
        let time = times.get(times.len() * percent / 100).unwrap();
        time.as_secs_f64() * 1e6
    };
    println!("{what}: median {:.1} µs, 99 % within {:.1} µs", at(50), at(99));
}
