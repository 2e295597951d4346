//! The timeline of a session: what happened, step by step.

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
        ddl::run(manager, "DROP TABLE session_event;").await
    }
}

// `seq` comes from the counter on the session's row; `key` names the step that wrote the event, so that a repeated step
// writes it once.
const UP: &str = "
CREATE TABLE session_event (
    session_id @uuid NOT NULL,
    seq @int NOT NULL,
    at @instant NOT NULL,
    step text NOT NULL,
    status text NOT NULL,
    detail text NULL,
    key text NOT NULL,
    PRIMARY KEY (session_id, seq),
    CONSTRAINT session_event_session FOREIGN KEY (session_id) REFERENCES session (id)
) @strict;
CREATE UNIQUE INDEX session_event_key ON session_event (session_id, key);
";
