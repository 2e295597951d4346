//! Calendars elsewhere whose events block a specialist's time, and the last good copy of each.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP TABLE busy_interval; DROP TABLE busy_feed;").await
    }
}

// A copy is of a whole calendar as it was read last, expanded for a time ahead in the zone that the specialist had then,
// merged so that no two intervals of a feed touch. It goes with its feed.
const UP: &str = "
CREATE TABLE busy_feed (
    id @uuid NOT NULL PRIMARY KEY,
    specialist_id @uuid NOT NULL,
    position @int NOT NULL,
    url text NOT NULL,
    etag text NULL,
    last_modified text NULL,
    read_at @instant NULL,
    read_zone text NULL,
    last_attempt_at @instant NULL,
    last_success_at @instant NULL,
    stale_since @instant NULL,
    failure text NULL,
    created_at @instant NOT NULL,
    CONSTRAINT busy_feed_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id),
    CONSTRAINT busy_feed_position CHECK (position >= 0),
    CONSTRAINT busy_feed_stale CHECK ((stale_since IS NULL) = (failure IS NULL)),
    CONSTRAINT busy_feed_read CHECK ((read_at IS NULL) = (read_zone IS NULL))
) @strict;
CREATE UNIQUE INDEX busy_feed_url ON busy_feed (specialist_id, url);
CREATE TABLE busy_interval (
    feed_id @uuid NOT NULL,
    starts_at @instant NOT NULL,
    ends_at @instant NOT NULL,
    PRIMARY KEY (feed_id, starts_at),
    CONSTRAINT busy_interval_feed FOREIGN KEY (feed_id) REFERENCES busy_feed (id) ON DELETE CASCADE,
    CONSTRAINT busy_interval_time CHECK (starts_at < ends_at)
) @strict;
";
