//! Insights on the wire.

use crate::http::{
    body::{Fields, Strict},
    instant::Utc,
};
use entities::{daily_insight, insight_text};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use uuid::Uuid;
use workflows::{
    ids::InsightTextId,
    insights::{language::Language, sign::Sign},
    time::Instant,
};

/// The longest title and text taken, in bytes.
const TITLE: usize = 200;
const TEXT: usize = 2_000;

/// A sign of the zodiac, or everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Whoever has told no birth date.
    Generic,
    /// 21 March to 19 April.
    Aries,
    /// 20 April to 20 May.
    Taurus,
    /// 21 May to 20 June.
    Gemini,
    /// 21 June to 22 July.
    Cancer,
    /// 23 July to 22 August.
    Leo,
    /// 23 August to 22 September.
    Virgo,
    /// 23 September to 22 October.
    Libra,
    /// 23 October to 21 November.
    Scorpio,
    /// 22 November to 21 December.
    Sagittarius,
    /// 22 December to 19 January.
    Capricorn,
    /// 20 January to 18 February.
    Aquarius,
    /// 19 February to 20 March.
    Pisces,
}

impl From<Option<Sign>> for Audience {
    fn from(sign: Option<Sign>) -> Self {
        match sign {
            None => Self::Generic,
            Some(Sign::Aries) => Self::Aries,
            Some(Sign::Taurus) => Self::Taurus,
            Some(Sign::Gemini) => Self::Gemini,
            Some(Sign::Cancer) => Self::Cancer,
            Some(Sign::Leo) => Self::Leo,
            Some(Sign::Virgo) => Self::Virgo,
            Some(Sign::Libra) => Self::Libra,
            Some(Sign::Scorpio) => Self::Scorpio,
            Some(Sign::Sagittarius) => Self::Sagittarius,
            Some(Sign::Capricorn) => Self::Capricorn,
            Some(Sign::Aquarius) => Self::Aquarius,
            Some(Sign::Pisces) => Self::Pisces,
        }
    }
}

impl From<Audience> for Option<Sign> {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Generic => None,
            Audience::Aries => Some(Sign::Aries),
            Audience::Taurus => Some(Sign::Taurus),
            Audience::Gemini => Some(Sign::Gemini),
            Audience::Cancer => Some(Sign::Cancer),
            Audience::Leo => Some(Sign::Leo),
            Audience::Virgo => Some(Sign::Virgo),
            Audience::Libra => Some(Sign::Libra),
            Audience::Scorpio => Some(Sign::Scorpio),
            Audience::Sagittarius => Some(Sign::Sagittarius),
            Audience::Capricorn => Some(Sign::Capricorn),
            Audience::Aquarius => Some(Sign::Aquarius),
            Audience::Pisces => Some(Sign::Pisces),
        }
    }
}

/// The insight of a day.
#[derive(Debug, Object, Serialize)]
pub struct InsightView {
    /// The day, on the caller's calendar.
    pub date: String,
    /// The caller's sign; `generic` without a birth date.
    pub sign: Audience,
    /// What it is written in (BCP 47).
    pub language: String,
    /// What stands above it.
    #[oai(nullable)]
    pub title: Option<String>,
    /// What it says.
    pub text: String,
}

impl InsightView {
    /// The insight for those of that sign.
    #[must_use]
    pub fn new(insight: daily_insight::Model, sign: Option<Sign>) -> Self {
        let daily_insight::Model {
            date,
            sign: _,
            language,
            text_id: _,
            title,
            text,
            created_at: _,
        } = insight;
        Self {
            date: date.0.to_string(),
            sign: sign.into(),
            language,
            title,
            text,
        }
    }
}

/// A text for the library.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct TextRequest {
    /// What it is written in (BCP 47), such as `en` or `de-AT`.
    #[oai(validator(min_length = 2, max_length = 35))]
    pub language: String,
    /// For whom; for everybody when absent.
    #[oai(nullable)]
    pub sign: Option<Audience>,
    /// What stands above it, at most 200 bytes.
    #[oai(nullable, validator(max_length = 200))]
    pub title: Option<String>,
    /// What it says, at most 2,000 bytes.
    #[oai(validator(min_length = 1, max_length = 2000))]
    pub text: String,
    /// Whether days may be made of it; yes unless told.
    #[oai(nullable)]
    pub active: Option<bool>,
}

impl Strict for TextRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let needs = |fields: &mut Fields, name: &str, limit: usize| {
            let there = fields.has(name);
            let text = fields.text(name, limit);
            if !there {
                fields.refuse(name, "missing", "is required");
            }
            text
        };
        let language = needs(fields, "language", 35);
        if language.as_deref().is_some_and(|tag| Language::parse(tag).is_none()) {
            fields.refuse("language", "invalid", "must be a language tag such as de-AT");
        }
        let text = needs(fields, "text", TEXT);
        if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
            fields.refuse("text", "invalid", "must not be empty");
        }
        let (sign, active) = (fields.optional("sign"), fields.optional("active"));
        let title = fields.text("title", TITLE);
        Some(Self {
            language: language?,
            sign,
            title,
            text: text?,
            active,
        })
    }
}

impl TextRequest {
    /// The row that it asks for, as a new one; its language was judged when it was read.
    #[must_use]
    pub fn into_row(self, id: InsightTextId, now: Instant) -> insight_text::Model {
        let Self {
            language,
            sign,
            title,
            text,
            active,
        } = self;
        insight_text::Model {
            id,
            language: Language::parse(&language).map_or(language, |language| language.to_string()),
            sign: sign.and_then(Into::into),
            title: title
                .map(|title| title.trim().to_owned())
                .filter(|title| !title.is_empty()),
            text: text.trim().to_owned(),
            active: active.unwrap_or(true),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A text of the library.
#[derive(Debug, Object, Serialize)]
pub struct TextView {
    /// Its id.
    pub id: Uuid,
    /// What it is written in (BCP 47).
    pub language: String,
    /// For whom; for everybody when `null`.
    #[oai(nullable)]
    pub sign: Option<Audience>,
    /// What stands above it.
    #[oai(nullable)]
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// Whether days may be made of it.
    pub active: bool,
    /// Raised by every change; `If-Match` takes it.
    pub version: i32,
    /// When it was written.
    pub created_at: Utc,
    /// When it was last changed.
    pub updated_at: Utc,
}

impl From<insight_text::Model> for TextView {
    fn from(text: insight_text::Model) -> Self {
        let insight_text::Model {
            id,
            language,
            sign,
            title,
            text,
            active,
            version,
            created_at,
            updated_at,
        } = text;
        Self {
            id: id.0,
            language,
            sign: sign.map(|sign| Some(sign).into()),
            title,
            text,
            active,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A page of the library.
#[derive(Debug, Object, Serialize)]
pub struct TextList {
    /// The texts.
    pub items: Vec<TextView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}
