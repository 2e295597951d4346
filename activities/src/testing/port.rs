//! Ports for servers that are told theirs.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the range from which the system gives ports to connections that go out: what is free stays free, also
/// between two starts of one server. And below that of `scripts/services`.
const LOWEST: u32 = 11_000;
const HOW_MANY: u32 = 9_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on, and that this process was not given before.
///
/// # Panics
/// When all are in use.
#[must_use]
pub fn free_port() -> u16 {
    // Each process begins elsewhere.
    let first = process::id().wrapping_mul(97);
    (0..HOW_MANY)
        .map(|_| LOWEST + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % HOW_MANY)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("all ports are in use")
}
