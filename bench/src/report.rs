//! What came out: a table, a file for machines and a plot.

use crate::{
    measure::{Pairs, load, median, quantile},
    plot,
};
use anyhow::Result;
use serde::Serialize;
use std::{fmt::Write as _, fs, path::Path};

/// What must hold of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// No more than the first; the second is the aim.
    AtMost(f64, f64),
    /// No less than the first; the second is the aim.
    AtLeast(f64, f64),
    /// Nothing; it is shown.
    Shown,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which bar.
    pub bar: String,
    /// What is measured.
    pub what: String,
    /// Ours, the median.
    pub ours: f64,
    /// The baseline's, the median; nothing where ours stands alone.
    pub baseline: Option<f64>,
    /// Of both.
    pub unit: String,
    /// The median of the pairwise ratios, or ours where there is no baseline.
    pub figure: f64,
    /// The lowest and the highest of them.
    pub spread: (f64, f64),
    /// How many pairs.
    pub pairs: usize,
    /// What must hold.
    pub must: Bar,
    /// The load average of the machine when it was measured.
    pub load: f64,
    /// What else is to be known.
    pub note: String,
}

impl Row {
    /// A ratio.
    #[must_use]
    pub fn ratio(bar: &str, what: &str, unit: &str, pairs: &Pairs, must: Bar) -> Self {
        let ratios = pairs.ratios();
        Self {
            bar: bar.to_owned(),
            what: what.to_owned(),
            ours: pairs.ours(),
            baseline: Some(pairs.baseline()),
            unit: unit.to_owned(),
            figure: median(&ratios),
            spread: (quantile(&ratios, 0.0), quantile(&ratios, 1.0)),
            pairs: ratios.len(),
            must,
            load: load(),
            note: String::new(),
        }
    }

    /// A figure of ours alone, the median of `values`.
    #[must_use]
    pub fn alone(bar: &str, what: &str, unit: &str, values: &[f64], must: Bar) -> Self {
        Self {
            bar: bar.to_owned(),
            what: what.to_owned(),
            ours: median(values),
            baseline: None,
            unit: unit.to_owned(),
            figure: median(values),
            spread: (quantile(values, 0.0), quantile(values, 1.0)),
            pairs: values.len(),
            must,
            load: load(),
            note: String::new(),
        }
    }

    /// With a remark.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether the bar holds; nothing where there is none.
    #[must_use]
    pub fn passes(&self) -> Option<bool> {
        match self.must {
            Bar::AtMost(bar, _) => Some(self.figure <= bar),
            Bar::AtLeast(bar, _) => Some(bar <= self.figure),
            Bar::Shown => None,
        }
    }

    fn cells(&self) -> [String; 10] {
        let (bar, moonshot) = match self.must {
            Bar::AtMost(bar, aim) => (format!("≤ {}", short(bar)), format!("≤ {}", short(aim))),
            Bar::AtLeast(bar, aim) => (format!("≥ {}", short(bar)), format!("≥ {}", short(aim))),
            Bar::Shown => (String::new(), String::new()),
        };
        let pass = match self.passes() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let baseline = self.baseline.map(short).unwrap_or_default();
        let ratio = if self.baseline.is_some() {
            short(self.figure)
        } else {
            String::new()
        };
        [
            self.bar.clone(),
            self.what.clone(),
            format!("{} {}", short(self.ours), self.unit),
            baseline,
            ratio,
            format!("{}–{} ({})", short(self.spread.0), short(self.spread.1), self.pairs),
            bar,
            moonshot,
            pass.to_owned(),
            format!("{:.1}", self.load),
        ]
    }
}

/// A number with three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The rows as a table, with their remarks below.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let head = [
        "bar",
        "what",
        "ours",
        "baseline",
        "ratio",
        "spread (n)",
        "bar",
        "moonshot",
        "pass",
        "load",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..head.len())
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        writeln!(text, "| {} |", cells.join(" | ")).ok();
        if n == 0 {
            let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            writeln!(text, "| {} |", rule.join(" | ")).ok();
        }
    }
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        writeln!(text, "{} {}: {}", row.bar, row.what, row.note).ok();
    }
    text
}

/// Everything, as it is kept.
#[derive(Serialize)]
pub struct Report<'a> {
    /// What it was measured on.
    pub machine: Machine,
    /// What the engine stood on.
    pub engine: &'a str,
    /// The rows.
    pub rows: &'a [Row],
}

/// The machine.
#[derive(Serialize)]
pub struct Machine {
    /// Cores.
    pub cores: usize,
    /// Their name.
    pub processor: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: name.map(|(_, name)| name.trim().to_owned()).unwrap_or_default(),
        }
    }
}

/// Write `bench.json`, `bench.md` and `bench.svg` into `folder`.
///
/// # Errors
/// When it cannot be written to.
pub fn write(folder: &Path, report: &Report<'_>) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("bench.json"), serde_json::to_vec_pretty(report)?)?;
    fs::write(folder.join("bench.md"), table(report.rows))?;
    fs::write(folder.join("bench.svg"), plot::svg(report.rows))?;
    Ok(())
}
