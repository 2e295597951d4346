//! The bars, one file a kind of question.

mod contention;
mod footprint;
mod growth;
mod history;
mod latency;
mod load;
mod open;
mod reads;
mod reserve;
mod scaling;
mod slots;
mod throughput;

use crate::report::Row;
use anyhow::Result;
use futures::future::BoxFuture;

/// One or more bars that are measured together.
pub struct Measured {
    /// What `BAR=` calls them.
    pub names: &'static [&'static str],
    /// What it is.
    pub title: &'static str,
    function: fn() -> BoxFuture<'static, Result<Vec<Row>>>,
}

impl Measured {
    /// Measure.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn run(&self) -> Result<Vec<Row>> {
        (self.function)().await
    }
}

/// All of them, in the order of the table.
pub const ALL: &[Measured] = &[
    Measured {
        names: &["1", "2"],
        title: "first answer, and to confirmed",
        function: || Box::pin(latency::run()),
    },
    Measured {
        names: &["3"],
        title: "history",
        function: || Box::pin(history::run()),
    },
    Measured {
        names: &["4", "6"],
        title: "bookings per second",
        function: || Box::pin(throughput::run()),
    },
    Measured {
        names: &["5", "6", "list"],
        title: "reads",
        function: || Box::pin(reads::run()),
    },
    Measured {
        names: &["7"],
        title: "slots",
        function: || Box::pin(slots::run()),
    },
    Measured {
        names: &["8"],
        title: "growth of the slots query",
        function: || Box::pin(growth::run()),
    },
    Measured {
        names: &["9"],
        title: "the reserve transaction",
        function: || Box::pin(reserve::run()),
    },
    Measured {
        names: &["10"],
        title: "contention",
        function: || Box::pin(contention::run()),
    },
    Measured {
        names: &["11"],
        title: "scaling",
        function: || Box::pin(scaling::run()),
    },
    Measured {
        names: &["12"],
        title: "open sessions",
        function: || Box::pin(open::run()),
    },
    Measured {
        names: &["load"],
        title: "the slope of the load",
        function: || Box::pin(load::run()),
    },
    Measured {
        names: &["rest", "start"],
        title: "at rest, and cold start",
        function: || Box::pin(footprint::run()),
    },
];

/// As many pairs are measured.
const PAIRS: usize = 5;
