//! When tests book.

use jiff::Timestamp;
use std::sync::LazyLock;
use workflows::time::Instant;

/// Half an hour from now at least: a test's first step may be late, and its last one as well.
static HOUR: LazyLock<Instant> = LazyLock::new(|| {
    let soon = Timestamp::now().as_second() + 1800;
    Instant::from_unix_seconds(soon / 3600 * 3600 + 3600)
});

/// A full hour, `days` from now: the same as long as the process runs, so that who asks twice books the same.
#[must_use]
pub fn in_days(days: i64) -> Instant {
    HOUR.plus_minutes(days * 24 * 60)
}
