//! Who is in the demo data. Nobody here exists.

use crate::run_file::{Login, User};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The namespace of the ids of demo data.
const DEMO: Uuid = Uuid::from_u128(0x5b0e_8a52_3f6d_4c19_a7e1_0d2c_94b6_f830);

/// The id of a demo thing: `specialist/maya`, `service/maya/0`.
pub(super) fn id(path: &str) -> Uuid {
    Uuid::new_v5(&DEMO, path.as_bytes())
}

/// A demo specialist.
pub(super) struct Person {
    /// The login.
    pub user: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub bio: &'static str,
    pub specialties: &'static [&'static str],
    pub languages: &'static [&'static str],
    pub time_zone: &'static str,
    /// As [`workflows::slots::schedule::Weekly`] is written.
    pub weekly: &'static str,
    /// Days from the first start on, and the windows of that date.
    pub overrides: &'static [(i64, &'static str)],
    pub notice_minutes: i32,
    pub window_days: Option<i32>,
    pub per_day: Option<i32>,
    pub per_week: Option<i32>,
    pub services: &'static [Service],
    /// Stars, the newest first.
    pub ratings: &'static [i32],
}

/// Something a demo specialist offers.
pub(super) struct Service {
    pub name: &'static str,
    pub minutes: i32,
    pub interval: i32,
    pub before: i32,
    pub after: i32,
    pub capacity: i32,
    pub price_minor: i64,
    pub currency: &'static str,
}

const fn alone(name: &'static str, minutes: i32, price_minor: i64, currency: &'static str) -> Service {
    Service {
        name,
        minutes,
        interval: minutes,
        before: 0,
        after: 0,
        capacity: 1,
        price_minor,
        currency,
    }
}

impl Service {
    /// A start as often.
    const fn every(mut self, interval: i32) -> Self {
        self.interval = interval;
        self
    }

    /// Kept free around it.
    const fn buffers(mut self, before: i32, after: i32) -> Self {
        self.before = before;
        self.after = after;
        self
    }

    /// For several at once.
    const fn seats(mut self, capacity: i32) -> Self {
        self.capacity = capacity;
        self
    }
}

/// How to log in as each specialist.
pub fn logins() -> BTreeMap<Uuid, Login> {
    let login = |person: &Person| Login {
        user: person.user.to_owned(),
        roles: vec!["user", "specialist"],
        name: person.name.to_owned(),
        time_zone: person.time_zone.to_owned(),
    };
    PEOPLE
        .iter()
        .map(|person| (id(&format!("specialist/{}", person.user)), login(person)))
        .collect()
}

/// Clients and an administrator; any other name works as well.
pub fn users() -> Vec<User> {
    let client = |client: &Client| User {
        user: client.user.to_owned(),
        roles: vec!["user"],
    };
    let admin = User {
        user: "admin".to_owned(),
        roles: vec!["user", "admin"],
    };
    CLIENTS.iter().map(client).chain([admin]).collect()
}

/// Everybody who can log in.
pub fn people() -> Vec<User> {
    let specialists = logins()
        .into_values()
        .map(|Login { user, roles, .. }| User { user, roles });
    users().into_iter().chain(specialists).collect()
}

/// A demo client.
pub(super) struct Client {
    /// The login.
    pub user: &'static str,
    pub name: &'static str,
    pub birth_date: &'static str,
    pub time_zone: &'static str,
    pub locale: &'static str,
}

pub(super) const CLIENTS: &[Client] = &[
    Client {
        user: "ada",
        name: "Ada",
        birth_date: "1990-04-02",
        time_zone: "Europe/Berlin",
        locale: "en",
    },
    Client {
        user: "ben",
        name: "Ben",
        birth_date: "1984-11-19",
        time_zone: "America/New_York",
        locale: "en",
    },
    Client {
        user: "clara",
        name: "Clara",
        birth_date: "1997-07-30",
        time_zone: "Europe/Vienna",
        locale: "de",
    },
];

/// What people write, by their stars.
pub(super) const TEXTS: [&[&str]; 5] = [
    &["Did not fit at all, and we had to end early."],
    &["Friendly, but we never got to my question."],
    &[
        "Good, a little rushed at the end.",
        "Useful, though I had hoped for more examples.",
    ],
    &[
        "Clear and well prepared.",
        "I left with a plan. Would come again.",
        "Patient, and always on time.",
    ],
    &[
        "The best hour of my week.",
        "Listened, asked the right questions, and wrote everything down for me.",
        "Worth every minute. I have booked the next one already.",
        "Warm, precise and honest.",
    ],
];

/// Who writes them.
pub(super) const AUTHORS: &[&str] = &[
    "Alva", "Bastian", "Chidi", "Delia", "Emre", "Farah", "Goran", "Hana", "Ilya", "Jun", "Kaia", "Luca", "Mina",
];

pub(super) const PEOPLE: &[Person] = &[
    Person {
        user: "maya",
        name: "Maya Lindqvist",
        title: "Career coach",
        bio: "Helps people between two jobs to see what they are good at, and to say so.",
        specialties: &["coaching", "career"],
        languages: &["de", "en"],
        time_zone: "Europe/Berlin",
        weekly: r#"{"mon":[["09:00","12:30"],["14:00","18:00"]],"tue":[["09:00","12:30"],["14:00","18:00"]],"wed":[["09:00","12:30"]],"thu":[["09:00","12:30"],["14:00","18:00"]],"fri":[["09:00","13:00"]]}"#,
        overrides: &[(4, "[]"), (11, r#"[["10:00","12:00"]]"#)],
        notice_minutes: 120,
        window_days: Some(60),
        per_day: Some(6),
        per_week: None,
        services: &[
            alone("First talk", 30, 0, "EUR").buffers(0, 10),
            alone("Coaching", 60, 9_500, "EUR").every(30).buffers(5, 10),
        ],
        ratings: &[5, 5, 4, 5, 3, 5, 4, 5],
    },
    Person {
        user: "jonah",
        name: "Jonah Pryce",
        title: "Astrologer",
        bio: "Birth charts and transits, explained so that you can read the next one yourself.",
        specialties: &["astrology", "birth charts"],
        languages: &["en"],
        time_zone: "America/New_York",
        weekly: r#"{"tue":[["11:00","19:00"]],"wed":[["11:00","19:00"]],"thu":[["11:00","19:00"]],"sat":[["10:00","14:00"]]}"#,
        overrides: &[(6, "[]")],
        notice_minutes: 240,
        window_days: Some(45),
        per_day: None,
        per_week: Some(15),
        services: &[
            alone("Transit check", 30, 4_000, "USD"),
            alone("Birth chart", 90, 14_000, "USD").every(30).buffers(15, 15),
        ],
        ratings: &[4, 5, 5, 2, 4],
    },
    Person {
        user: "sunita",
        name: "Sunita Thapaliya",
        title: "Breath and yoga teacher",
        bio: "Small morning groups, and quiet hours for one. No experience needed.",
        specialties: &["yoga", "breathing"],
        languages: &["ne", "en", "hi"],
        time_zone: "Asia/Kathmandu",
        weekly: r#"{"sun":[["06:30","09:30"],["16:00","19:00"]],"mon":[["06:30","09:30"]],"tue":[["06:30","09:30"],["16:00","19:00"]],"wed":[["06:30","09:30"]],"thu":[["06:30","09:30"],["16:00","19:00"]],"fri":[["06:30","09:30"]]}"#,
        overrides: &[(3, r#"[["16:00","18:00"]]"#)],
        notice_minutes: 60,
        window_days: Some(30),
        per_day: None,
        per_week: None,
        services: &[
            alone("Morning group", 45, 150_000, "NPR").every(60).seats(8),
            alone("Hour for one", 60, 400_000, "NPR").buffers(0, 15),
        ],
        ratings: &[5, 5, 5, 4, 5, 5],
    },
    Person {
        user: "rowan",
        name: "Rowan Tilley",
        title: "Photography tutor",
        bio: "Light, birds and patience, from an island where clocks change by half an hour.",
        specialties: &["tutoring", "photography"],
        languages: &["en"],
        time_zone: "Australia/Lord_Howe",
        weekly: r#"{"mon":[["08:00","11:00"]],"wed":[["08:00","11:00"]],"fri":[["08:00","11:00"],["13:00","17:00"]],"sun":[["01:00","04:00"]]}"#,
        overrides: &[],
        notice_minutes: 720,
        window_days: None,
        per_day: Some(3),
        per_week: Some(8),
        services: &[alone("Portfolio review", 45, 6_000, "AUD").every(15).buffers(0, 15)],
        ratings: &[4, 4, 5],
    },
    Person {
        user: "haruto",
        name: "Haruto Minase",
        title: "Japanese tutor",
        bio: "From the first syllables to reading the newspaper together.",
        specialties: &["tutoring", "languages"],
        languages: &["ja", "en"],
        time_zone: "Asia/Tokyo",
        weekly: r#"{"mon":[["18:00","22:00"]],"tue":[["18:00","22:00"]],"wed":[["18:00","22:00"]],"thu":[["18:00","22:00"]],"sat":[["09:00","15:00"]]}"#,
        overrides: &[(8, "[]"), (9, "[]")],
        notice_minutes: 180,
        window_days: Some(62),
        per_day: Some(4),
        per_week: None,
        services: &[
            alone("Lesson", 50, 4_500, "JPY").every(60),
            alone("Short talk", 25, 2_500, "JPY").every(30),
        ],
        ratings: &[5, 4, 5, 5, 4, 5, 5],
    },
    Person {
        user: "camila",
        name: "Camila Duarte",
        title: "Tarot reader and astrologer",
        bio: "Pictures to think with. Questions welcome, predictions not promised.",
        specialties: &["astrology", "tarot"],
        languages: &["pt", "es", "en"],
        time_zone: "America/Sao_Paulo",
        weekly: r#"{"mon":[["13:00","20:00"]],"tue":[["13:00","20:00"]],"thu":[["13:00","20:00"]],"fri":[["13:00","20:00"]]}"#,
        overrides: &[(5, r#"[["09:00","11:00"]]"#)],
        notice_minutes: 60,
        window_days: Some(21),
        per_day: None,
        per_week: None,
        services: &[
            alone("Reading", 40, 18_000, "BRL").buffers(0, 5),
            alone("Year ahead", 75, 32_000, "BRL").every(15),
        ],
        ratings: &[5, 3, 4, 4],
    },
    Person {
        user: "edith",
        name: "Edith Marlow",
        title: "Writing coach",
        bio: "Reads your draft before you talk, and has never told anybody to write every day.",
        specialties: &["coaching", "writing"],
        languages: &["en", "fr"],
        time_zone: "Europe/London",
        weekly: r#"{"mon":[["10:00","16:00"]],"tue":[["10:00","16:00"]],"wed":[["10:00","16:00"]],"thu":[["10:00","16:00"]]}"#,
        overrides: &[(10, "[]")],
        notice_minutes: 1_440,
        window_days: Some(90),
        per_day: Some(2),
        per_week: Some(6),
        services: &[alone("Draft session", 60, 8_000, "GBP").buffers(30, 0)],
        ratings: &[5, 5, 5],
    },
    Person {
        user: "noel",
        name: "Noel Ashgrove",
        title: "Mathematics tutor",
        bio: "School to first year of university. Mistakes are where it gets interesting.",
        specialties: &["tutoring", "mathematics"],
        languages: &["en"],
        time_zone: "Australia/Sydney",
        weekly: r#"{"mon":[["15:30","20:30"]],"tue":[["15:30","20:30"]],"wed":[["15:30","20:30"]],"thu":[["15:30","20:30"]],"sat":[["09:00","12:00"]]}"#,
        overrides: &[],
        notice_minutes: 30,
        window_days: Some(40),
        per_day: None,
        per_week: None,
        services: &[
            alone("Lesson", 60, 7_500, "AUD").every(30),
            alone("Exam group", 90, 3_500, "AUD").seats(5),
        ],
        ratings: &[4, 5, 4, 3, 5, 4, 4, 5, 1],
    },
    Person {
        user: "yasmin",
        name: "Yasmin Belhadi",
        title: "Language tutor",
        bio: "French and Arabic for work and for family, with homework that takes ten minutes.",
        specialties: &["tutoring", "languages"],
        languages: &["ar", "fr", "en"],
        time_zone: "Africa/Casablanca",
        weekly: r#"{"mon":[["08:00","12:00"]],"tue":[["08:00","12:00"],["15:00","19:00"]],"wed":[["08:00","12:00"]],"thu":[["08:00","12:00"],["15:00","19:00"]],"fri":[["08:00","11:00"]]}"#,
        overrides: &[(7, r#"[["09:00","10:00"]]"#)],
        notice_minutes: 90,
        window_days: Some(50),
        per_day: Some(8),
        per_week: None,
        services: &[alone("Lesson", 45, 25_000, "MAD").every(15).buffers(0, 15)],
        ratings: &[5, 4, 4, 5],
    },
    Person {
        user: "arjun",
        name: "Arjun Velloor",
        title: "Vedic astrologer",
        bio: "Charts by the book, talks without jargon. Three generations of notebooks.",
        specialties: &["astrology", "vedic astrology"],
        languages: &["hi", "ta", "en"],
        time_zone: "Asia/Kolkata",
        weekly: r#"{"mon":[["09:30","13:00"],["17:00","21:00"]],"tue":[["09:30","13:00"],["17:00","21:00"]],"wed":[["09:30","13:00"],["17:00","21:00"]],"thu":[["09:30","13:00"],["17:00","21:00"]],"fri":[["09:30","13:00"],["17:00","21:00"]],"sun":[["10:00","12:00"]]}"#,
        overrides: &[(2, "[]")],
        notice_minutes: 120,
        window_days: Some(30),
        per_day: Some(10),
        per_week: Some(40),
        services: &[
            alone("Question", 20, 50_000, "INR").every(10),
            alone("Full chart", 60, 180_000, "INR").every(30).buffers(10, 10),
        ],
        ratings: &[5, 5, 4, 5, 4, 5, 5, 3, 5, 5],
    },
    Person {
        user: "dana",
        name: "Dana Whitlock",
        title: "Life coach",
        bio: "Decisions, habits and hard conversations. Walks while she talks.",
        specialties: &["coaching", "habits"],
        languages: &["en", "es"],
        time_zone: "America/Los_Angeles",
        weekly: r#"{"mon":[["07:00","11:00"]],"tue":[["07:00","11:00"],["13:00","16:00"]],"wed":[["07:00","11:00"]],"thu":[["07:00","11:00"],["13:00","16:00"]],"fri":[["07:00","11:00"]]}"#,
        overrides: &[(1, "[]"), (12, r#"[["07:00","09:00"],["18:00","20:00"]]"#)],
        notice_minutes: 60,
        window_days: Some(60),
        per_day: None,
        per_week: Some(20),
        services: &[
            alone("Session", 50, 12_000, "USD").every(60),
            alone("Check-in", 15, 3_000, "USD").buffers(0, 5),
        ],
        ratings: &[4, 4, 5, 5],
    },
    Person {
        user: "tama",
        name: "Tama Korewha",
        title: "Leadership coach",
        bio: "For people who lead for the first time, and for those who do it again.",
        specialties: &["coaching", "leadership"],
        languages: &["en", "mi"],
        time_zone: "Pacific/Auckland",
        weekly: r#"{"mon":[["09:00","17:00"]],"tue":[["09:00","17:00"]],"wed":[["09:00","17:00"]],"thu":[["09:00","17:00"]]}"#,
        overrides: &[(3, "[]")],
        notice_minutes: 2_880,
        window_days: Some(62),
        per_day: Some(4),
        per_week: None,
        services: &[
            alone("Session", 75, 24_000, "NZD").every(15).buffers(15, 15),
            alone("Round table", 120, 9_000, "NZD").seats(6),
        ],
        ratings: &[5, 5, 4],
    },
    Person {
        user: "signe",
        name: "Signe Haldor",
        title: "Night owl tutor",
        bio: "Physics for those who think best after dark: open across midnight.",
        specialties: &["tutoring", "physics"],
        languages: &["nb", "en"],
        time_zone: "Europe/Oslo",
        weekly: r#"{"mon":[["20:00","24:00"]],"tue":[["00:00","02:00"],["20:00","24:00"]],"wed":[["00:00","02:00"],["20:00","24:00"]],"thu":[["00:00","02:00"]],"sat":[["00:00","04:00"]]}"#,
        overrides: &[],
        notice_minutes: 0,
        window_days: Some(14),
        per_day: None,
        per_week: None,
        services: &[alone("Lesson", 60, 65_000, "NOK").every(30)],
        ratings: &[],
    },
    Person {
        user: "odile",
        name: "Odile Barrow",
        title: "Music teacher",
        bio: "Fiddle and ear training for grown-ups, from the first zone to see the morning.",
        specialties: &["tutoring", "music"],
        languages: &["en", "fr"],
        time_zone: "America/St_Johns",
        weekly: r#"{"tue":[["09:00","15:00"]],"thu":[["09:00","15:00"]],"sat":[["09:00","15:00"]]}"#,
        overrides: &[(9, "[]")],
        notice_minutes: 300,
        window_days: Some(35),
        per_day: Some(5),
        per_week: None,
        services: &[alone("Lesson", 45, 5_500, "CAD").every(45).buffers(0, 15)],
        ratings: &[5, 4],
    },
];
