//! People who give sessions, and what they offer.

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
        ddl::run(manager, "DROP TABLE service; DROP TABLE specialist;").await
    }
}

// `service_specialist_id` lets a session refer to (specialist, service) as one key, so that nobody books one's service
// with another. A block of buffers and session is bounded, here as in `session`, because the slots query relies on it.
const UP: &str = "
CREATE TABLE specialist (
    id @uuid NOT NULL PRIMARY KEY,
    user_id @uuid NULL,
    name text NOT NULL,
    title text NOT NULL,
    bio text NOT NULL,
    email text NOT NULL,
    specialties @json NOT NULL,
    languages @json NOT NULL,
    time_zone text NOT NULL,
    active @bool NOT NULL,
    rating_sum @bigint NOT NULL DEFAULT 0,
    review_count @int NOT NULL DEFAULT 0,
    version @int NOT NULL DEFAULT 1,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT specialist_rating CHECK (review_count >= 0 AND rating_sum >= review_count AND rating_sum <= 5 * review_count)
) @strict;
CREATE UNIQUE INDEX specialist_user ON specialist (user_id);
CREATE INDEX specialist_name ON specialist (name, id);

CREATE TABLE service (
    id @uuid NOT NULL PRIMARY KEY,
    specialist_id @uuid NOT NULL,
    position @int NOT NULL,
    name text NOT NULL,
    duration_minutes @int NOT NULL,
    slot_interval_minutes @int NOT NULL,
    buffer_before_minutes @int NOT NULL,
    buffer_after_minutes @int NOT NULL,
    capacity @int NOT NULL,
    price_minor @bigint NOT NULL,
    currency text NOT NULL,
    active @bool NOT NULL,
    CONSTRAINT service_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id),
    CONSTRAINT service_duration CHECK (duration_minutes > 0),
    CONSTRAINT service_interval CHECK (slot_interval_minutes > 0),
    CONSTRAINT service_buffers CHECK (buffer_before_minutes >= 0 AND buffer_after_minutes >= 0),
    CONSTRAINT service_block CHECK (
        duration_minutes <= 2880 AND buffer_before_minutes <= 2880 AND buffer_after_minutes <= 2880
        AND buffer_before_minutes + duration_minutes + buffer_after_minutes <= 2880
    ),
    CONSTRAINT service_capacity CHECK (capacity >= 1),
    CONSTRAINT service_price CHECK (price_minor >= 0),
    CONSTRAINT service_currency CHECK (length(currency) = 3)
) @strict;
CREATE UNIQUE INDEX service_specialist_id ON service (specialist_id, id);
";
