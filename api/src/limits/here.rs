//! Counting in this process, while there is no Redis to count for all.

use entities::cache::quota::{Left, Quota};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// How many subjects are counted at a time.
const SUBJECTS: usize = 20_000;

/// Requests of the last window by subject, counted as [`entities::cache::quota`] does.
#[derive(Debug)]
pub struct Here {
    began: Instant,
    counts: Mutex<HashMap<String, Counts>>,
}

/// Counts by half seconds, oldest first, and their sum.
#[derive(Debug, Default)]
struct Counts {
    n: u32,
    parts: VecDeque<(u64, u32)>,
}

impl Default for Here {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            counts: Mutex::default(),
        }
    }
}

impl Here {
    /// Count one more of `quota`.
    pub fn count(&self, quota: &Quota) -> Left {
        let now = u64::try_from(self.began.elapsed().as_millis() / 500).unwrap_or(u64::MAX);
        self.count_at(quota, now)
    }

    fn count_at(&self, quota: &Quota, now: u64) -> Left {
        let window = u64::from(quota.window_seconds) * 2;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if SUBJECTS <= counts.len() && !counts.contains_key(&quota.key) {
            counts.retain(|_, counts| counts.parts.back().is_some_and(|(at, _)| now <= at + window));
            if SUBJECTS <= counts.len() {
                // More subjects than we count: begin anew rather than keep an order nobody needs otherwise.
                counts.clear();
            }
        }
        let counts = counts.entry(quota.key.clone()).or_default();
        while let Some((_, n)) = counts.parts.pop_front_if(|(at, _)| *at + window < now) {
            counts.n -= n;
        }
        let allowed = counts.n < quota.limit;
        if allowed {
            counts.n += 1;
            match counts.parts.back_mut() {
                Some((at, n)) if *at == now => *n += 1,
                _ => counts.parts.push_back((now, 1)),
            }
        }
        let oldest = counts.parts.front().map_or(now, |(at, _)| *at);
        let reset = (oldest + window + 1 - now).div_ceil(2);
        Left {
            allowed,
            remaining: quota.limit.saturating_sub(counts.n),
            reset_seconds: u32::try_from(reset).unwrap_or(u32::MAX).min(quota.window_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Here, SUBJECTS};
    use entities::cache::quota::Quota;

    fn quota(key: String) -> Quota {
        Quota {
            key,
            limit: 3,
            window_seconds: 60,
        }
    }

    #[test]
    fn no_window_has_more_than_the_limit() {
        let (here, quota) = (Here::default(), quota("a".to_owned()));
        let mut admitted = Vec::new();
        for now in 0..1_000 {
            let left = here.count_at(&quota, now);
            if left.allowed {
                admitted.push(now);
            } else {
                assert_eq!(left.remaining, 0);
                assert!((1..=60).contains(&left.reset_seconds), "{left:?}");
            }
        }
        assert!(admitted.windows(4).all(|some| 120 < some[3] - some[0]), "{admitted:?}");
        // And not much less: three in each 121 half seconds.
        assert_eq!(admitted.len(), 1_000_usize.div_ceil(121) * 3);
    }

    #[test]
    fn memory_is_bounded() {
        let here = Here::default();
        for n in 0..SUBJECTS * 2 {
            here.count_at(&quota(n.to_string()), 0);
        }
        assert!(here.counts.lock().unwrap().len() <= SUBJECTS);
    }
}
