//! Who may review what, and what is shown of them.

use crate::sessions::{error::SessionError, state::SessionState};

/// Whether its client may review a session that stands so.
///
/// # Errors
/// [`SessionError::WrongState`] unless it took place; [`SessionError::AlreadyReviewed`] for a second one.
pub fn review(status: SessionState, already: bool) -> Result<(), SessionError> {
    match (status, already) {
        (SessionState::Completed, false) => Ok(()),
        (SessionState::Completed, true) => Err(SessionError::AlreadyReviewed),
        (state, _) => Err(SessionError::WrongState { state }),
    }
}

/// What the author of a review is called: their first name, for everybody can read it.
///
/// Some have an address for a name, and some none.
#[must_use]
pub fn author(name: &str) -> &str {
    name.split_whitespace()
        .next()
        .filter(|first| !first.contains('@'))
        .unwrap_or("Anonymous")
}

#[cfg(test)]
mod tests {
    use super::{author, review};
    use crate::sessions::{
        error::SessionError,
        state::SessionState::{Cancelled, Completed, Confirmed, Expired, Failed, Held, NoShow},
    };

    #[test]
    fn what_took_place_is_reviewed_once() {
        assert_eq!(review(Completed, false), Ok(()));
        assert_eq!(review(Completed, true), Err(SessionError::AlreadyReviewed));
        for state in [Held, Confirmed, NoShow, Cancelled, Expired, Failed] {
            for already in [false, true] {
                assert_eq!(review(state, already), Err(SessionError::WrongState { state }));
            }
        }
    }

    #[test]
    fn authors_have_first_names() {
        for (name, expected) in [
            ("Ada Lovelace", "Ada"),
            (" Zoë\u{a0}de la Cruz", "Zoë"),
            ("Cher", "Cher"),
            ("", "Anonymous"),
            (" \t", "Anonymous"),
            ("ada@example.test", "Anonymous"),
        ] {
            assert_eq!(author(name), expected, "{name}");
        }
    }
}
