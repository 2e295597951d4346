//! Reviews on the wire.

use crate::http::{
    body::{Fields, Strict},
    instant::Utc,
};
use entities::review;
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;

/// What a client says about a session.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ReviewRequest {
    /// One to five.
    #[oai(validator(minimum(value = "1"), maximum(value = "5")))]
    pub rating: i32,
    /// In the client's words, at most 4 KiB.
    #[oai(nullable, validator(max_length = 4096))]
    pub text: Option<String>,
}

impl Strict for ReviewRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let rating = fields.required("rating");
        if rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
            fields.refuse("rating", "invalid", "must be 1 to 5");
        }
        let text = fields.text("text", 4_096);
        Some(Self { rating: rating?, text })
    }
}

/// A review.
#[derive(Debug, Object, Serialize)]
pub struct ReviewView {
    /// Its id.
    pub id: Uuid,
    /// One to five.
    pub rating: i32,
    /// What it says.
    pub text: String,
    /// The name shown.
    pub author: String,
    /// When it was written.
    pub created_at: Utc,
}

impl From<review::Model> for ReviewView {
    fn from(review: review::Model) -> Self {
        let review::Model {
            id,
            session_id: _,
            specialist_id: _,
            client_id: _,
            author,
            rating,
            text,
            created_at,
        } = review;
        Self {
            id: id.0,
            rating,
            text,
            author,
            created_at: created_at.into(),
        }
    }
}

/// A page of reviews.
#[derive(Debug, Object, Serialize)]
pub struct ReviewList {
    /// The reviews, newest first.
    pub items: Vec<ReviewView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
    /// The average of all; absent without reviews.
    #[oai(nullable)]
    pub average: Option<f64>,
    /// How many there are.
    pub count: i64,
    /// How many gave as many stars.
    pub histogram: Histogram,
}

/// How many reviews gave one to five stars.
#[derive(Debug, Object, Serialize)]
pub struct Histogram {
    /// One star.
    #[oai(rename = "1")]
    #[serde(rename = "1")]
    pub one: i64,
    /// Two.
    #[oai(rename = "2")]
    #[serde(rename = "2")]
    pub two: i64,
    /// Three.
    #[oai(rename = "3")]
    #[serde(rename = "3")]
    pub three: i64,
    /// Four.
    #[oai(rename = "4")]
    #[serde(rename = "4")]
    pub four: i64,
    /// Five.
    #[oai(rename = "5")]
    #[serde(rename = "5")]
    pub five: i64,
}

impl From<[i64; 5]> for Histogram {
    fn from([one, two, three, four, five]: [i64; 5]) -> Self {
        Self {
            one,
            two,
            three,
            four,
            five,
        }
    }
}
