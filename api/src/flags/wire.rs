//! Feature flags on the wire.

use crate::http::{
    body::{Fields, Strict},
    instant::Utc,
};
use entities::feature_flag::{self, Users};
use poem_openapi::Object;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;
use workflows::{ids::UserId, time::Instant};

/// As many people may a flag name; more are a percentage.
const MOST_USERS: usize = 1_000;

/// A flag as it is to be, as a whole.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct FlagRequest {
    /// Whether it is on for anybody.
    pub enabled: bool,
    /// For how many in a hundred: always the same ones.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub percentage: i32,
    /// For these in any case, a thousand at most.
    #[oai(nullable, validator(max_items = 1000))]
    pub users: Option<Vec<Uuid>>,
    /// What it is for, at most 1 KiB.
    #[oai(nullable, validator(max_length = 1024))]
    pub description: Option<String>,
}

impl Strict for FlagRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let enabled = fields.required("enabled");
        let percentage = fields.number("percentage", 0..=100);
        let users: Option<Vec<Uuid>> = fields.optional("users");
        if users.as_ref().is_some_and(|users| MOST_USERS < users.len()) {
            fields.refuse("users", "invalid", format!("must be {MOST_USERS} at most"));
        }
        let description = fields.text("description", 1_024);
        Some(Self {
            enabled: enabled?,
            percentage: percentage?,
            users,
            description,
        })
    }
}

impl FlagRequest {
    /// The row of that name, in its first version.
    #[must_use]
    pub fn into_row(self, name: String) -> feature_flag::Model {
        let Self {
            enabled,
            percentage,
            users,
            description,
        } = self;
        // When it is written is for the database to say.
        let at = Instant::from_unix_seconds(0);
        feature_flag::Model {
            name,
            enabled,
            percentage,
            users: Users(users.unwrap_or_default().into_iter().map(UserId).collect()),
            description: description.unwrap_or_default(),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }
}

/// A flag. Its `ETag` is made of its version.
#[derive(Debug, Object, Serialize)]
pub struct FlagView {
    /// Its name.
    pub name: String,
    /// Whether it is on for anybody.
    pub enabled: bool,
    /// For how many in a hundred.
    pub percentage: i32,
    /// For these in any case.
    pub users: Vec<Uuid>,
    /// What it is for.
    pub description: String,
    /// Raised by every change.
    pub version: i32,
    /// When it was added.
    pub created_at: Utc,
    /// When it was last changed.
    pub updated_at: Utc,
}

impl From<feature_flag::Model> for FlagView {
    fn from(flag: feature_flag::Model) -> Self {
        let feature_flag::Model {
            name,
            enabled,
            percentage,
            users,
            description,
            version,
            created_at,
            updated_at,
        } = flag;
        Self {
            name,
            enabled,
            percentage,
            users: users.0.into_iter().map(|user| user.0).collect(),
            description,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Every flag.
#[derive(Debug, Object, Serialize)]
pub struct FlagList {
    /// The flags, by name.
    pub items: Vec<FlagView>,
}

/// What is open to the caller.
#[derive(Debug, Object, Serialize)]
pub struct OwnFlagsView {
    /// Each flag by its name, and whether it is on for the caller.
    pub flags: BTreeMap<String, bool>,
}
