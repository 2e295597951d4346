//! What an event of a session says.

use calendar::{
    event::Status,
    language::Language,
    session::{Details, description, status, summary},
};

#[test]
fn locales() {
    for (locale, expected) in [
        ("de", Language::German),
        ("de-AT", Language::German),
        ("de_DE.UTF-8", Language::German),
        ("DE", Language::German),
        ("en-GB", Language::English),
        ("den", Language::English),
        ("fr", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of(locale), expected, "{locale}");
    }
    for language in Language::ALL {
        assert_eq!(Language::of(language.tag()), language);
    }
}

#[test]
fn everything_there_is_to_say() {
    let details = Details {
        meeting_url: Some("https://meet.example.test/room"),
        reason: Some(" I am ill.\r\nSorry. "),
        notes: Some("Slowly,\u{7} please."),
        manage_url: Some("https://api.aroti.test/api/sessions/1"),
    };
    assert_eq!(
        description(Language::English, details).unwrap(),
        "Join: https://meet.example.test/room\nReason: I am ill.\nSorry.\nNotes: Slowly, please.\n\
         https://api.aroti.test/api/sessions/1"
    );
    assert_eq!(
        summary(Language::German, "Beratung", "Dr.\nHopper"),
        "Beratung mit Dr. Hopper"
    );
}

#[test]
fn somebody_without_a_name() {
    assert_eq!(summary(Language::English, "Consultation", " \n"), "Consultation");
}

#[test]
fn nothing_to_say_and_no_strange_links() {
    let details = Details {
        meeting_url: Some("javascript:alert(1)"),
        notes: Some(" \u{0} "),
        ..Default::default()
    };
    assert_eq!(description(Language::German, details), None);
}

#[test]
fn what_takes_place_is_confirmed() {
    use workflows::sessions::state::SessionState::{Cancelled, Completed, Confirmed, Expired, Failed, Held, NoShow};
    for (state, expected) in [
        (Held, Status::Tentative),
        (Confirmed, Status::Confirmed),
        (Completed, Status::Confirmed),
        (NoShow, Status::Confirmed),
        (Cancelled, Status::Cancelled),
        (Expired, Status::Cancelled),
        (Failed, Status::Cancelled),
    ] {
        assert_eq!(status(state), expected, "{}", state.as_str());
    }
}
