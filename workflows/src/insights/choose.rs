//! Which text of the library a day has.

use super::sign::{self, Sign};
use crate::ids::InsightTextId;
use jiff::civil::Date;
use std::cmp::Reverse;
use uuid::Uuid;

/// A text is not shown again to a sign for so many days, where the library has enough of them.
pub const REST_DAYS: i32 = 30;

/// A text that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub id: InsightTextId,
    /// Whether it was written for the very sign, and not for everybody.
    pub own: bool,
}

/// The text of `date` for `sign`: always the same for the same library and the same days around it.
///
/// One of the sign's own that has rested, else one for everybody that has, else the one whose other day is farthest.
/// Each day shuffles the library anew, so that a text more or less moves few days.
/// `used` are the texts of the sign's other days within [`REST_DAYS`], before and after.
///
/// # Cost
/// O(candidates × used), with a digest for each candidate.
#[must_use]
pub fn choose(
    date: Date,
    sign: Option<Sign>,
    candidates: &[Candidate],
    used: &[(InsightTextId, Date)],
) -> Option<InsightTextId> {
    let seed = format!("{date}/{}", sign::name(sign));
    let rank = |candidate: &&Candidate| {
        let nearest = used
            .iter()
            .filter(|(id, on)| *id == candidate.id && *on != date)
            .map(|(_, on)| distance(date, *on))
            .filter(|days| *days < REST_DAYS)
            .min();
        let shuffled = Uuid::new_v5(&candidate.id.0, seed.as_bytes());
        (nearest.is_some(), Reverse(nearest), !candidate.own, shuffled)
    };
    candidates.iter().min_by_key(rank).map(|candidate| candidate.id)
}

fn distance(one: Date, other: Date) -> i32 {
    one.since(other).map_or(i32::MAX, |span| span.get_days().abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use std::collections::{BTreeMap, BTreeSet};

    fn text(n: u128) -> InsightTextId {
        InsightTextId(Uuid::from_u128(n))
    }

    fn library(own: u128, generic: u128) -> Vec<Candidate> {
        let of = |n, own| Candidate { id: text(n), own };
        (0..own)
            .map(|n| of(n, true))
            .chain((own..own + generic).map(|n| of(n, false)))
            .collect()
    }

    /// The texts of so many days in a row.
    fn days(n: i32, sign: Option<Sign>, library: &[Candidate]) -> Vec<InsightTextId> {
        let first: Date = "2026-11-21".parse().unwrap();
        let mut used: Vec<(InsightTextId, Date)> = Vec::new();
        for n in 0..n {
            let date = first.checked_add(n.days()).unwrap();
            used.push((choose(date, sign, library, &used).unwrap(), date));
        }
        used.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn nothing_comes_twice_while_something_else_is_left() {
        let texts = days(60, Some(Sign::Leo), &library(10, 20));
        for window in texts.windows(30) {
            assert_eq!(window.iter().collect::<BTreeSet<_>>().len(), 30);
        }
        let firsts: BTreeSet<_> = texts[..10].iter().collect();
        assert!(firsts.iter().all(|id| id.0.as_u128() < 10), "its own come first");
    }

    #[test]
    fn what_is_too_little_goes_round() {
        let texts = days(20, None, &library(0, 4));
        for window in texts.windows(4) {
            assert_eq!(window.iter().collect::<BTreeSet<_>>().len(), 4, "{texts:?}");
        }
        assert_eq!(days(3, None, &library(0, 1)), [text(0); 3]);
        assert_eq!(choose("2026-11-21".parse().unwrap(), None, &[], &[]), None);
    }

    #[test]
    fn the_order_of_the_library_does_not_matter_and_signs_differ() {
        let forward = library(12, 0);
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        assert_eq!(
            days(40, Some(Sign::Aries), &forward),
            days(40, Some(Sign::Aries), &backward)
        );
        let stories: BTreeSet<_> = Sign::ALL.iter().map(|sign| days(12, Some(*sign), &forward)).collect();
        assert_eq!(stories.len(), 12);
    }

    #[test]
    fn a_day_between_others_looks_both_ways() {
        let library = library(3, 0);
        let on = |date: &str| date.parse::<Date>().unwrap();
        let used = [(text(0), on("2026-11-20")), (text(2), on("2026-11-22"))];
        assert_eq!(choose(on("2026-11-21"), None, &library, &used), Some(text(1)));
        let all = [used[0], used[1], (text(1), on("2026-11-01"))];
        assert_eq!(
            choose(on("2026-11-21"), None, &library, &all),
            Some(text(1)),
            "the farthest"
        );
        let again = [(text(1), on("2026-11-21"))];
        let chosen = choose(on("2026-11-21"), None, &library, &again);
        assert_eq!(
            chosen,
            choose(on("2026-11-21"), None, &library, &[]),
            "itself is no other day"
        );
    }

    #[test]
    fn every_text_gets_its_turn() {
        let mut counts = BTreeMap::new();
        for id in days(365, None, &library(0, 40)) {
            *counts.entry(id).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 40);
    }
}
