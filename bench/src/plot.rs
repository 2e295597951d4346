//! The rows as a picture: how far each figure is from its bar, on a scale of factors.

use crate::report::{Bar, Row};
use std::fmt::Write as _;

const LEFT: f64 = 420.0;
const WIDTH: f64 = 560.0;
const ROW: f64 = 26.0;
const TOP: f64 = 48.0;
/// The picture reaches from a tenth of the bar to ten times it.
const DECADES: f64 = 1.0;

/// An SVG: what lies left of the line holds. The bar is the line, the ring the aim, the dot the median, the stroke the spread.
#[must_use]
pub fn svg(rows: &[Row]) -> String {
    let rows: Vec<(&Row, Factors)> = rows.iter().filter_map(|row| Some((row, Factors::of(row)?))).collect();
    let height = TOP + ROW * rows.len() as f64 + 24.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        w = LEFT + WIDTH + 120.0
    );
    for factor in [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0] {
        let (at, colour) = (x(factor), if factor == 1.0 { "#333" } else { "#ddd" });
        writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{y1}\" x2=\"{at:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{at:.1}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#555\">{factor} × bar</text>",
            y1 = TOP - 12.0,
            y2 = height - 20.0,
            y = TOP - 20.0
        )
        .ok();
    }
    for (n, (row, factors)) in rows.iter().enumerate() {
        let y = TOP + ROW * (n as f64 + 0.5);
        let colour = if row.passes() == Some(true) { "#2a7" } else { "#c33" };
        writeln!(
            svg,
            "<text x=\"{tx}\" y=\"{ty:.1}\" text-anchor=\"end\">{bar} {what}</text>\
             <line x1=\"{low:.1}\" y1=\"{y:.1}\" x2=\"{high:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <circle cx=\"{aim:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"none\" stroke=\"#888\"/>\
             <circle cx=\"{at:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\
             <text x=\"{vx}\" y=\"{ty:.1}\" fill=\"{colour}\">{value:.3}</text>",
            tx = LEFT - 12.0,
            ty = y + 4.0,
            bar = escaped(&row.bar),
            what = escaped(&row.what),
            low = x(factors.low),
            high = x(factors.high),
            aim = x(factors.aim),
            at = x(factors.median),
            vx = LEFT + WIDTH + 16.0,
            value = row.figure,
        )
        .ok();
    }
    svg.push_str("</svg>\n");
    svg
}

/// Figures over their bar, so turned that less is better.
struct Factors {
    low: f64,
    median: f64,
    high: f64,
    aim: f64,
}

impl Factors {
    fn of(row: &Row) -> Option<Self> {
        let (low, high) = row.spread;
        Some(match row.must {
            Bar::AtMost(bar, aim) => Self {
                low: low / bar,
                median: row.figure / bar,
                high: high / bar,
                aim: aim / bar,
            },
            Bar::AtLeast(bar, aim) => Self {
                low: bar / high,
                median: bar / row.figure,
                high: bar / low,
                aim: bar / aim,
            },
            Bar::Shown => return None,
        })
    }
}

fn x(factor: f64) -> f64 {
    let decades = factor.max(1e-9).log10().clamp(-DECADES, DECADES);
    LEFT + WIDTH * (decades + DECADES) / (2.0 * DECADES)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
