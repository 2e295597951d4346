//! How many workers of a queue the cluster would run: the arithmetic of KEDA's Temporal scaler, and of the autoscaler
//! that it feeds.
//!
//! # Source
//! KEDA 2.21, `pkg/scalers/temporal_scaler.go` (`getUnversionedBacklogCount`: the sum of the approximate backlogs of the
//! queue's types; active above `activationTargetQueueSize`), and `pkg/scaling/executor`: from none to one when active,
//! to none after the cooldown. Kubernetes, `pkg/controller/podautoscaler/replica_calculator.go`
//! (`GetExternalPerPodMetricReplicas`): of an average, the metric over the target, rounded up, unless the ratio is
//! within a tenth of what there is; and the behaviour of the chart: up at once, down by a quarter a look at most, to
//! no fewer than the highest recommendation of the window.

use std::time::Duration;

/// How a fleet is to grow and shrink, in the words of the chart.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Workers at least.
    pub min: u64,
    /// Workers at most.
    pub max: u64,
    /// Tasks that wait, for each worker.
    pub target_queue_size: u64,
    /// With more it wakes.
    pub activation: u64,
    /// How often it is looked.
    pub polling: Duration,
    /// How long it stays calm before there are fewer.
    pub cooldown: Duration,
}

/// A fleet as the rule sees it.
#[derive(Debug)]
pub struct Fleet {
    rule: Rule,
    replicas: u64,
    /// What was recommended, and when; as long as it counts.
    recommended: Vec<(Duration, u64)>,
    active_at: Option<Duration>,
}

impl Fleet {
    /// One that has been calm for long.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            replicas: rule.min,
            recommended: Vec::new(),
            active_at: None,
        }
    }

    /// How many workers there are to be, when so much waits at `at`, counted from any moment.
    pub fn look(&mut self, backlog: u64, at: Duration) -> u64 {
        let Rule {
            min,
            max,
            activation,
            cooldown,
            ..
        } = self.rule;
        let active = activation < backlog;
        if active {
            self.active_at = Some(at);
        }
        if self.replicas == 0 {
            // KEDA's own: the autoscaler does not know of a fleet of none.
            self.replicas = u64::from(active);
            if !active {
                return 0;
            }
        }
        let recommended = recommended(backlog, self.rule.target_queue_size, self.replicas).clamp(min.max(1), max);
        self.recommended.retain(|(then, _)| at < *then + cooldown);
        self.recommended.push((at, recommended));
        if self.replicas < recommended {
            self.replicas = recommended;
        } else {
            let highest = self.recommended.iter().map(|(_, n)| *n).max().unwrap_or(recommended);
            // A quarter of it at a time, one at least.
            let fewest = self.replicas - (self.replicas / 4).max(1);
            self.replicas = self.replicas.min(highest).max(fewest.min(self.replicas));
        }
        let calm = self.active_at.is_none_or(|active_at| active_at + cooldown <= at);
        if min == 0 && calm {
            self.replicas = 0;
        }
        self.replicas
    }
}

/// What the autoscaler makes of a backlog where there are so many workers.
#[must_use]
pub fn recommended(backlog: u64, target: u64, replicas: u64) -> u64 {
    let ratio = backlog as f64 / (target * replicas).max(1) as f64;
    if (ratio - 1.0).abs() <= 0.1 {
        replicas
    } else {
        backlog.div_ceil(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chart's values; charts/tests/check.py compares them.
    const OUTREACH: Rule = Rule {
        min: 0,
        max: 20,
        target_queue_size: 20,
        activation: 0,
        polling: Duration::from_secs(10),
        cooldown: Duration::from_secs(300),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_backlog_asks_for_its_share_of_workers() {
        for (backlog, replicas, wanted) in [
            (0, 1, 0),
            (1, 1, 1),
            (20, 1, 1),
            (21, 1, 1),
            (23, 1, 2),
            (100, 1, 5),
            (100, 5, 5),
            (109, 5, 5),
            (111, 5, 6),
            (10_000, 1, 500),
        ] {
            assert_eq!(recommended(backlog, 20, replicas), wanted, "{backlog} for {replicas}");
        }
    }

    #[test]
    fn a_fleet_wakes_at_once_and_goes_after_it_has_been_calm() {
        let mut fleet = Fleet::new(OUTREACH);
        assert_eq!(fleet.look(0, seconds(0)), 0);
        assert_eq!(fleet.look(1, seconds(10)), 1);
        assert_eq!(
            fleet.look(10_000, seconds(20)),
            20,
            "as many as there may be, in one step"
        );
        assert_eq!(fleet.look(0, seconds(30)), 20, "it may come back");
        assert_eq!(fleet.look(0, seconds(310)), 20);
        assert_eq!(fleet.look(0, seconds(320)), 0, "calm for as long as it takes");
        // One that is never without workers goes by quarters.
        let mut fleet = Fleet::new(Rule { min: 1, ..OUTREACH });
        assert_eq!(fleet.look(400, seconds(0)), 20);
        let calm: Vec<_> = (1..5).map(|n| fleet.look(0, seconds(300 + n * 60))).collect();
        assert_eq!(calm, [15, 12, 9, 7]);
    }
}
