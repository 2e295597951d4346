//! What is shown of who reviews.

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
    use super::author;

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
