//! Pairs, medians, and what processes have used.

use anyhow::{Context, Result};
use std::{
    fs,
    time::{Duration, Instant},
};

/// The middle of `values`; zero of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which that part of them lies.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Milliseconds of a duration.
#[must_use]
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Both sides of a comparison, pair by pair.
#[derive(Clone, Debug, Default)]
pub struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// One more pair: ours and the baseline's.
    pub fn push(&mut self, ours: f64, baseline: f64) {
        self.0.push((ours, baseline));
    }

    /// The median of ours.
    #[must_use]
    pub fn ours(&self) -> f64 {
        median(&self.0.iter().map(|pair| pair.0).collect::<Vec<_>>())
    }

    /// The median of the baseline.
    #[must_use]
    pub fn baseline(&self) -> f64 {
        median(&self.0.iter().map(|pair| pair.1).collect::<Vec<_>>())
    }

    /// The ratios of the pairs.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        self.0.iter().map(|(ours, baseline)| ours / baseline).collect()
    }
}

/// CPU seconds that a process has used, its threads included and its children not.
///
/// # Errors
/// When it is gone.
pub fn cpu(pid: u32) -> Result<f64> {
    let (used, _) = stat(pid)?;
    Ok(used)
}

/// The same with its children, those that have ended included.
///
/// # Errors
/// When it is gone.
pub fn cpu_of_family(pid: u32) -> Result<f64> {
    let (own, ended) = stat(pid)?;
    let mut all = own + ended;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if parent(child) == Some(pid) {
            all += cpu(child).unwrap_or_default();
        }
    }
    Ok(all)
}

fn fields(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The name may hold blanks; it ends with the last bracket. What follows begins with field 3.
    let (_, rest) = text.rsplit_once(')').context("no process")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    fields(pid).ok()?.get(1)?.parse().ok()
}

/// CPU seconds of the process itself, and of its children that have ended.
fn stat(pid: u32) -> Result<(f64, f64)> {
    let fields = fields(pid)?;
    // Ticks are hundredths of a second wherever Linux is.
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or_default()
            / 100.0
    };
    Ok((ticks(11) + ticks(12), ticks(13) + ticks(14)))
}

/// Memory that a process has in use, in MiB.
///
/// # Errors
/// When it is gone.
pub fn rss_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib / 1024.0)
}

/// What the machine is doing: its load average of a minute.
#[must_use]
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// How long something took, with its outcome.
pub async fn timed<T>(future: impl Future<Output = Result<T>>) -> Result<(T, Duration)> {
    let began = Instant::now();
    let outcome = future.await?;
    Ok((outcome, began.elapsed()))
}
