//! Storage: one file a table, with its row, its finders and its few writes; and [`db`], which opens the database.
//!
//! No business rules: what may be booked is decided in `workflows`, and the constraints of the schema are the net below.
//! A finder of a person's rows takes the [`workflows::ids::UserId`] first.
//! Rows are written in a transaction of [`db::Db::begin_write`]; whatever may change meanwhile is read there again, after
//! [`db::lock_specialist`] and [`db::lock_client`], always in this order.

pub mod audit;
pub mod availability;
pub mod booking_key;
pub mod busy_feed;
pub mod busy_interval;
pub mod cache;
pub mod calendar_feed;
pub mod column;
pub mod daily_insight;
pub mod daily_report;
pub mod db;
pub mod device;
pub mod fault;
pub mod feature_flag;
pub mod figures;
pub mod follow_up;
pub mod insight_text;
pub mod profile;
pub mod report_mail;
pub mod review;
pub mod schedule;
pub mod schedule_override;
pub mod series;
pub mod service;
pub mod session;
pub mod session_event;
pub mod session_text;
pub mod specialist;
pub mod user;
pub mod waitlist_entry;
pub mod waitlist_offer;
pub mod webhook_delivery;
pub mod webhook_endpoint;
