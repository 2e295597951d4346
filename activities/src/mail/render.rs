//! The subject and the two bodies of a letter.
//!
//! One template for each kind and language holds the sentences; two layouts, plain text and HTML, put the same
//! sentences and facts into shape, so that the two bodies never say different things.

use super::{
    language,
    message::{Kind, Letter, Role},
};
use calendar::{
    language::Language,
    session::{self, Details},
    text::{link, one_line, paragraph},
};
use minijinja::{Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig};
use std::sync::LazyLock;

/// A letter in the recipient's language and zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// Write `letter`.
///
/// # Errors
/// When a template is wrong, which the tests exclude for every kind, role and language.
pub fn render(letter: &Letter) -> Result<Rendered, minijinja::Error> {
    let language = Language::of(&letter.to.locale);
    let sentences = sentences(language, letter.kind);
    let facts = facts(letter, language);

    let plain = context! { layout => "layout.txt", ..facts.clone() };
    let mut plain = LAYOUTS
        .template_from_named_str("letter.txt", sentences)?
        .render_captured(plain)?;
    let subject = plain.with_state_mut(|state| state.render_block("subject"))?;

    // In a template of this name what people wrote is escaped.
    let html = context! { layout => "layout.html", ..facts };
    let html = LAYOUTS
        .template_from_named_str("letter.html", sentences)?
        .render(html)?;
    // The escape of a slash protects nothing here, and some mail programs look for links before they decode.
    let html = html.replace("&#x2f;", "/");
    Ok(Rendered {
        subject: one_line(&subject),
        text: plain.into_output(),
        html,
    })
}

/// What the event of a letter is called in the recipient's calendar.
pub(super) fn summary(letter: &Letter) -> String {
    session::summary(Language::of(&letter.to.locale), &letter.service, &letter.other_party)
}

/// What the event of a letter says in the recipient's calendar, nothing when there is nothing to say.
pub(super) fn description(letter: &Letter) -> Option<String> {
    let details = Details {
        meeting_url: letter.meeting_url.as_deref().filter(|_| letter.kind.takes_place()),
        reason: letter.reason.as_deref(),
        notes: letter.notes.as_deref(),
        manage_url: letter.manage_url.as_deref(),
    };
    session::description(Language::of(&letter.to.locale), details)
}

/// Where the session of a letter is; nobody shall try to join what does not take place.
pub(super) fn meeting(letter: &Letter) -> Option<String> {
    link(letter.meeting_url.as_deref()).filter(|_| letter.kind.takes_place())
}

fn facts(letter: &Letter, language: Language) -> Value {
    let (words, shared) = (language::words(language), language.words());
    context! {
        language => language.tag(),
        client => letter.role == Role::Client,
        name => one_line(&letter.to.name),
        other => one_line(&letter.other_party),
        service => one_line(&letter.service),
        start => language::start(language, letter.starts_at, &letter.to.time_zone),
        span => language::span(language, letter.starts_at, letter.ends_at, &letter.to.time_zone),
        answer_by => letter.answer_by.map(|at| language::start(language, at, &letter.to.time_zone)),
        meeting_url => meeting(letter),
        without_link => letter.kind.takes_place() && letter.meeting_url.is_none(),
        reason => paragraph(letter.reason.as_deref()),
        notes => paragraph(letter.notes.as_deref()),
        manage_url => link(letter.manage_url.as_deref()),
        words => context! {
            hello => words.hello,
            when => words.when,
            service => words.service,
            other => match letter.role {
                Role::Client => words.specialist,
                Role::Specialist => words.client,
            },
            link => shared.link,
            reason => shared.reason,
            notes => shared.notes,
            no_link => words.no_link,
            automatic => words.automatic,
        },
    }
}

static LAYOUTS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut layouts = Environment::new();
    layouts.set_undefined_behavior(UndefinedBehavior::Strict);
    // The errors of a debug build would otherwise show people's names.
    layouts.set_debug(false);
    let lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    layouts.set_syntax(lines.expect("the usual delimiters"));
    for (name, source) in [
        ("layout.txt", include_str!("templates/layout.txt")),
        ("layout.html", include_str!("templates/layout.html")),
    ] {
        layouts
            .add_template(name, source)
            .expect("the embedded layouts parse, as the tests show");
    }
    layouts
});

fn sentences(language: Language, kind: Kind) -> &'static str {
    match (language, kind) {
        (Language::English, Kind::Confirmation) => include_str!("templates/en/confirmation.jinja"),
        (Language::English, Kind::Rescheduled) => include_str!("templates/en/rescheduled.jinja"),
        (Language::English, Kind::Reminder) => include_str!("templates/en/reminder.jinja"),
        (Language::English, Kind::Cancellation) => include_str!("templates/en/cancellation.jinja"),
        (Language::English, Kind::Failed) => include_str!("templates/en/failed.jinja"),
        (Language::English, Kind::ReviewInvitation) => include_str!("templates/en/review_invitation.jinja"),
        (Language::English, Kind::Offer) => include_str!("templates/en/offer.jinja"),
        (Language::German, Kind::Offer) => include_str!("templates/de/offer.jinja"),
        (Language::German, Kind::Confirmation) => include_str!("templates/de/confirmation.jinja"),
        (Language::German, Kind::Rescheduled) => include_str!("templates/de/rescheduled.jinja"),
        (Language::German, Kind::Reminder) => include_str!("templates/de/reminder.jinja"),
        (Language::German, Kind::Cancellation) => include_str!("templates/de/cancellation.jinja"),
        (Language::German, Kind::Failed) => include_str!("templates/de/failed.jinja"),
        (Language::German, Kind::ReviewInvitation) => include_str!("templates/de/review_invitation.jinja"),
    }
}
