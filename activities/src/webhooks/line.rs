//! How many calls of one endpoint are under way: one that hangs must not take the places of mails and of other endpoints.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use workflows::ids::WebhookId;

/// As many calls of one endpoint at once, in a process; those beyond come back a moment later.
const AT_ONCE: usize = 10;

/// The calls that are under way.
#[derive(Debug, Default)]
pub struct Line(Mutex<BTreeMap<WebhookId, usize>>);

/// A call's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    line: &'a Line,
    endpoint: WebhookId,
}

impl Line {
    /// A turn for a call of that endpoint, if there is one.
    pub(super) fn turn(&self, endpoint: WebhookId) -> Option<Turn<'_>> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = calls.entry(endpoint).or_default();
        if AT_ONCE <= *n {
            return None;
        }
        *n += 1;
        Some(Turn { line: self, endpoint })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut calls = self.line.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = calls.get_mut(&self.endpoint) {
            *n -= 1;
            if *n == 0 {
                calls.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Line};
    use uuid::Uuid;
    use workflows::ids::WebhookId;

    #[test]
    fn an_endpoint_has_so_many_turns_and_gets_them_back() {
        let line = Line::default();
        let (one, other) = (WebhookId(Uuid::from_u128(1)), WebhookId(Uuid::from_u128(2)));
        let mut turns: Vec<_> = (0..AT_ONCE).map(|_| line.turn(one)).collect();
        assert!(turns.iter().all(Option::is_some));
        assert!(line.turn(one).is_none());
        assert!(line.turn(other).is_some(), "others have their own");
        turns.pop();
        assert!(line.turn(one).is_some());
        turns.clear();
        assert!(line.0.lock().unwrap().is_empty());
    }
}
