//! Who is told of sessions by webhook, and what they were told.

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
        ddl::run(manager, "DROP TABLE webhook_delivery; DROP TABLE webhook_endpoint;").await
    }
}

// A delivery is written in the transaction of the event that it tells of, with what the session was then. Its session is
// no foreign key: a test call has none.
const UP: &str = "
CREATE TABLE webhook_endpoint (
    id @uuid NOT NULL PRIMARY KEY,
    url text NOT NULL,
    description text NOT NULL,
    event_types @json NOT NULL,
    notify_email text NOT NULL,
    enabled @bool NOT NULL,
    disabled_at @instant NULL,
    disabled_reason text NULL,
    disabled_by @uuid NULL,
    notified_at @instant NULL,
    secret text NOT NULL,
    previous_secret text NULL,
    previous_secret_until @instant NULL,
    version @int NOT NULL,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT webhook_endpoint_disabled CHECK ((disabled_at IS NULL) = enabled),
    CONSTRAINT webhook_endpoint_reason CHECK (
        (disabled_reason IS NULL) = enabled AND disabled_reason IN ('by_admin', 'failing', 'gone')
    ),
    CONSTRAINT webhook_endpoint_previous CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL))
) @strict;
CREATE INDEX webhook_endpoint_list ON webhook_endpoint (created_at, id);
CREATE TABLE webhook_delivery (
    endpoint_id @uuid NOT NULL,
    session_id @uuid NOT NULL,
    seq @int NOT NULL,
    event_type text NOT NULL,
    at @instant NOT NULL,
    session_status text NULL,
    starts_at @instant NULL,
    ends_at @instant NULL,
    sequence @int NULL,
    attempts @int NOT NULL,
    first_attempt_at @instant NULL,
    last_attempt_at @instant NULL,
    last_status @int NULL,
    last_error text NULL,
    delivered_at @instant NULL,
    gave_up_at @instant NULL,
    PRIMARY KEY (endpoint_id, session_id, seq),
    CONSTRAINT webhook_delivery_endpoint FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoint (id),
    CONSTRAINT webhook_delivery_once CHECK (delivered_at IS NULL OR gave_up_at IS NULL)
) @strict;
CREATE INDEX webhook_delivery_list ON webhook_delivery (endpoint_id, at DESC, session_id, seq DESC);
CREATE INDEX webhook_delivery_success ON webhook_delivery (endpoint_id, delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX webhook_delivery_open ON webhook_delivery (endpoint_id)
    WHERE delivered_at IS NULL AND gave_up_at IS NULL;
";
