//! Who waits for whom, and what was offered to them.

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
        ddl::run(manager, "DROP TABLE waitlist_offer; DROP TABLE waitlist_entry;").await
    }
}

// The client is no foreign key: the row outlives the account. Nobody waits twice for the same, nobody is offered two
// slots for one place, and none is offered the same start twice, unless the offer lapsed before they were told of it.
const UP: &str = "
CREATE TABLE waitlist_entry (
    id @uuid NOT NULL PRIMARY KEY,
    specialist_id @uuid NOT NULL,
    client_id @uuid NOT NULL,
    service_id @uuid NOT NULL,
    place @bigint NOT NULL,
    from_at @instant NOT NULL,
    to_at @instant NOT NULL,
    earliest_minute @int NULL,
    latest_minute @int NULL,
    time_zone text NOT NULL,
    named_zone text NULL,
    status text NOT NULL,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT waitlist_entry_service FOREIGN KEY (specialist_id, service_id)
        REFERENCES service (specialist_id, id),
    CONSTRAINT waitlist_entry_status CHECK (status IN ('waiting', 'offered', 'accepted', 'closed')),
    CONSTRAINT waitlist_entry_range CHECK (from_at < to_at),
    CONSTRAINT waitlist_entry_hours CHECK (
        earliest_minute BETWEEN 0 AND 1439 AND latest_minute BETWEEN 0 AND 1439 AND earliest_minute <= latest_minute
    )
) @strict;
CREATE UNIQUE INDEX waitlist_entry_place ON waitlist_entry (specialist_id, place);
CREATE UNIQUE INDEX waitlist_entry_open ON waitlist_entry (client_id, specialist_id, service_id)
    WHERE status IN ('waiting', 'offered');
CREATE INDEX waitlist_entry_line ON waitlist_entry (specialist_id, place) WHERE status = 'waiting';
CREATE INDEX waitlist_entry_client ON waitlist_entry (client_id, created_at DESC, id);
CREATE TABLE waitlist_offer (
    id @uuid NOT NULL PRIMARY KEY,
    entry_id @uuid NOT NULL,
    specialist_id @uuid NOT NULL,
    session_id @uuid NOT NULL,
    starts_at @instant NOT NULL,
    expires_at @instant NOT NULL,
    status text NOT NULL,
    created_at @instant NOT NULL,
    announced_at @instant NULL,
    ended_at @instant NULL,
    CONSTRAINT waitlist_offer_entry FOREIGN KEY (entry_id) REFERENCES waitlist_entry (id),
    CONSTRAINT waitlist_offer_status CHECK (status IN ('offered', 'accepted', 'declined', 'lapsed', 'withdrawn')),
    CONSTRAINT waitlist_offer_time CHECK (created_at < expires_at AND expires_at <= starts_at),
    CONSTRAINT waitlist_offer_end CHECK ((ended_at IS NULL) = (status = 'offered'))
) @strict;
CREATE UNIQUE INDEX waitlist_offer_session ON waitlist_offer (session_id);
CREATE INDEX waitlist_offer_of_entry ON waitlist_offer (entry_id);
CREATE UNIQUE INDEX waitlist_offer_start ON waitlist_offer (entry_id, starts_at)
    WHERE NOT (status = 'lapsed' AND announced_at IS NULL);
CREATE UNIQUE INDEX waitlist_offer_open ON waitlist_offer (entry_id) WHERE status = 'offered';
CREATE INDEX waitlist_offer_to_attend ON waitlist_offer (specialist_id, created_at, id)
    WHERE announced_at IS NULL OR status = 'withdrawn';
";
