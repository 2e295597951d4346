//! Sessions, and the rules that decide races.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = |checks| TABLE.replace("@checks", checks);
        ddl::run_either(manager, &table(CHECKS_IN_POSTGRES), &table(CHECKS_IN_SQLITE)).await?;
        ddl::run_either(manager, RULES_IN_POSTGRES, RULES_IN_SQLITE).await?;
        ddl::run(manager, INDEXES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The extension stays: something else may have come to use it.
        ddl::run(manager, "DROP TABLE session;").await
    }
}

// The client is no foreign key: the row outlives the account. The length of a block is bounded, because reading a
// specialist's blocks between two instants relies on it (`session_slots`).
const TABLE: &str = "
CREATE TABLE session (
    id @uuid NOT NULL PRIMARY KEY,
    workflow_id text NOT NULL,
    specialist_id @uuid NOT NULL,
    client_id @uuid NOT NULL,
    service_id @uuid NOT NULL,
    series_id @uuid NULL,
    status text NOT NULL,
    starts_at @instant NOT NULL,
    ends_at @instant NOT NULL,
    buffer_before_minutes @int NOT NULL,
    buffer_after_minutes @int NOT NULL,
    blocks_from @instant NOT NULL,
    blocks_until @instant NOT NULL,
    seat_group @uuid NOT NULL,
    seat @int NOT NULL,
    hold_expires_at @instant NULL,
    time_zone text NOT NULL,
    notes_id @uuid NULL,
    cancel_reason_id @uuid NULL,
    meeting_url text NULL,
    meeting_ref text NULL,
    late_cancel @bool NULL,
    failure text NULL,
    sequence @int NOT NULL DEFAULT 0,
    version @int NOT NULL DEFAULT 1,
    event_seq @int NOT NULL DEFAULT 0,
    request_hash text NOT NULL,
    cancel_notice_minutes @int NOT NULL,
    reschedule_notice_minutes @int NOT NULL,
    max_reschedules @int NULL,
    reschedules @int NOT NULL DEFAULT 0,
    reminder_offsets @json NOT NULL,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT session_service FOREIGN KEY (specialist_id, service_id) REFERENCES service (specialist_id, id),
    CONSTRAINT session_status CHECK (
        status IN ('held', 'confirmed', 'completed', 'no_show', 'cancelled', 'expired', 'failed')
    ),
    CONSTRAINT session_range CHECK (ends_at > starts_at),
    CONSTRAINT session_buffers CHECK (
        buffer_before_minutes >= 0 AND buffer_after_minutes >= 0 AND blocks_from <= starts_at AND blocks_until >= ends_at
    ),
    CONSTRAINT session_seat CHECK (seat >= 1),
    CONSTRAINT session_hold CHECK (hold_expires_at IS NULL OR status = 'held'),
    @checks
) @strict;
";

const CHECKS_IN_POSTGRES: &str = "
    CONSTRAINT session_block CHECK (blocks_until - blocks_from <= interval '48 hours')
";

// The triggers compare instants as text, so only the one spelling that sorts in time's order is let in.
const CHECKS_IN_SQLITE: &str = "
    CONSTRAINT session_block CHECK (unixepoch(blocks_until) - unixepoch(blocks_from) <= 172800),
    CONSTRAINT session_instants CHECK (
        starts_at GLOB '????-??-??T??:??:??*+00:00' AND ends_at GLOB '????-??-??T??:??:??*+00:00'
        AND blocks_from GLOB '????-??-??T??:??:??*+00:00' AND blocks_until GLOB '????-??-??T??:??:??*+00:00'
    )
";

// Two blocks of one specialist may overlap in one seat group only; two sessions of one client never. Ends are exclusive.
// Rows are narrow and changed a few times: the free space keeps a changed row on its page and out of the indexes.
const RULES_IN_POSTGRES: &str = "
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE session
    SET (fillfactor = 85),
    ADD CONSTRAINT session_specialist_overlap EXCLUDE USING gist (
        specialist_id WITH =, tstzrange(blocks_from, blocks_until, '[)') WITH &&, seat_group WITH <>
    ) WHERE (status IN ('held', 'confirmed', 'completed', 'no_show')),
    ADD CONSTRAINT session_client_overlap EXCLUDE USING gist (
        client_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&
    ) WHERE (status IN ('held', 'confirmed', 'completed', 'no_show'));
CREATE INDEX session_slots ON session (specialist_id, blocks_from) INCLUDE (
    blocks_until, starts_at, ends_at, buffer_before_minutes, buffer_after_minutes, status, hold_expires_at, seat_group,
    seat, service_id, client_id, id
) WHERE status IN ('held', 'confirmed', 'completed', 'no_show');
";

// The same rules by triggers, which see every row because there is one writer. A trigger leaves out the row of its own
// id, so that repeating an insert meets its own key, as it does there. Looking back 49 hours is enough for blocks of
// 48 and keeps the look-up inside the index.
const RULES_IN_SQLITE: &str = "
CREATE TRIGGER session_insert BEFORE INSERT ON session
WHEN NEW.status IN ('held', 'confirmed', 'completed', 'no_show')
BEGIN
    SELECT RAISE(ABORT, 'session_specialist_overlap')
    WHERE NEW.blocks_from < NEW.blocks_until AND EXISTS (
        SELECT 1 FROM session other
        WHERE other.specialist_id = NEW.specialist_id AND other.seat_group <> NEW.seat_group AND other.id <> NEW.id
            AND other.status IN ('held', 'confirmed', 'completed', 'no_show')
            AND other.blocks_from < NEW.blocks_until AND other.blocks_until > NEW.blocks_from
            AND other.blocks_from > strftime('%Y-%m-%dT%H:%M:%S', NEW.blocks_from, '-49 hours')
    );
    SELECT RAISE(ABORT, 'session_client_overlap')
    WHERE NEW.starts_at < NEW.ends_at AND EXISTS (
        SELECT 1 FROM session other
        WHERE other.client_id = NEW.client_id AND other.id <> NEW.id
            AND other.status IN ('held', 'confirmed', 'completed', 'no_show')
            AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at
            AND other.starts_at > strftime('%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-49 hours')
    );
END;
CREATE TRIGGER session_update
BEFORE UPDATE OF specialist_id, client_id, status, starts_at, ends_at, blocks_from, blocks_until, seat_group ON session
WHEN NEW.status IN ('held', 'confirmed', 'completed', 'no_show')
BEGIN
    SELECT RAISE(ABORT, 'session_specialist_overlap')
    WHERE NEW.blocks_from < NEW.blocks_until AND EXISTS (
        SELECT 1 FROM session other
        WHERE other.specialist_id = NEW.specialist_id AND other.seat_group <> NEW.seat_group AND other.id <> NEW.id
            AND other.status IN ('held', 'confirmed', 'completed', 'no_show')
            AND other.blocks_from < NEW.blocks_until AND other.blocks_until > NEW.blocks_from
            AND other.blocks_from > strftime('%Y-%m-%dT%H:%M:%S', NEW.blocks_from, '-49 hours')
    );
    SELECT RAISE(ABORT, 'session_client_overlap')
    WHERE NEW.starts_at < NEW.ends_at AND EXISTS (
        SELECT 1 FROM session other
        WHERE other.client_id = NEW.client_id AND other.id <> NEW.id
            AND other.status IN ('held', 'confirmed', 'completed', 'no_show')
            AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at
            AND other.starts_at > strftime('%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-49 hours')
    );
END;
CREATE INDEX session_slots ON session (
    specialist_id, blocks_from, blocks_until, starts_at, ends_at, buffer_before_minutes, buffer_after_minutes, status,
    hold_expires_at, seat_group, seat, service_id, client_id, id
) WHERE status IN ('held', 'confirmed', 'completed', 'no_show');
";

const INDEXES: &str = "
CREATE UNIQUE INDEX session_seat_taken ON session (seat_group, seat)
    WHERE status IN ('held', 'confirmed', 'completed', 'no_show');
CREATE INDEX session_client ON session (client_id, starts_at DESC, id);
CREATE INDEX session_specialist ON session (specialist_id, starts_at, id);
CREATE INDEX session_series ON session (series_id) WHERE series_id IS NOT NULL;
CREATE INDEX session_hold_expiry ON session (hold_expires_at) WHERE hold_expires_at IS NOT NULL;
";
