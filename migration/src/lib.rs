//! The history of the schema: append-only, additive, the same on PostgreSQL and SQLite.
//!
//! One file a migration, one purpose each, with a `down`. Start at [`up`]; `ddl` says how one text serves both databases.

pub mod command;
mod ddl;
mod m20261121_000001_create_people;
mod m20261121_000002_create_specialist;
mod m20261121_000003_create_schedule;
mod m20261121_000004_create_session;
mod m20261121_000005_create_session_event;
mod m20261121_000006_create_session_text;
mod m20261121_000007_create_review;
mod m20261121_000008_create_audit;
mod m20261121_000009_add_session_life;
mod m20261121_000010_create_calendar_feed;
mod m20261121_000014_create_follow_up;
mod m20261121_000015_create_series;
mod m20261121_000016_create_waitlist;
mod m20261121_000017_index_texts;
mod m20261121_000018_create_device;
mod m20261121_000019_add_erasure;
mod m20261121_000020_index_audit_of_actor;
mod m20261121_000021_index_audit;
mod m20261121_000022_create_feature_flag;
mod m20261121_000026_create_busy_feed;
mod m20261121_000029_create_webhook;
mod m20261121_000034_create_insights;
mod m20261121_000035_create_daily_report;
mod m20261121_000036_index_events;
mod m20261121_000037_add_address_as_of;
mod m20261121_000040_index_unclosed_sessions;
mod run;

pub use run::{Migrator, Step, down, fresh, status, up};
