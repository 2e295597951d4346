//! Crash points: where a test build of the worker dies on purpose.
//!
//! `AROTI_CRASH_AT=<step>:<before|after_effect>` ends the process at that point without a goodbye, the way a power cut
//! does. With `AROTI_CRASH_MARK=<file>` it does so once: the file is made first, and a worker that finds it goes on.
//! Builds without the feature `testing` have no such points.

/// A point just before or after a step has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Nothing has happened yet.
    Before,
    /// It has happened, and nobody has been told.
    AfterEffect,
}

/// Die here if the environment says so.
#[cfg(feature = "testing")]
pub fn point(step: &str, point: Point) {
    let name = match point {
        Point::Before => "before",
        Point::AfterEffect => "after_effect",
    };
    if std::env::var("AROTI_CRASH_AT").is_ok_and(|wanted| wanted == format!("{step}:{name}")) {
        let mark = std::env::var("AROTI_CRASH_MARK").ok();
        let first = mark.is_none_or(|mark| {
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(mark)
                .is_ok()
        });
        if first {
            std::process::abort();
        }
    }
}

/// No crash points in this build.
#[cfg(not(feature = "testing"))]
#[inline]
pub fn point(_step: &str, _point: Point) {}
