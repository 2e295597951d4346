//! Free texts about sessions, kept apart so that histories carry their ids only.

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
        ddl::run(manager, "DROP TABLE session_text;").await
    }
}

// A text is stored before the command that refers to it; one that nothing refers to is swept away by age.
const UP: &str = "
CREATE TABLE session_text (
    id @uuid NOT NULL PRIMARY KEY,
    author_id @uuid NOT NULL,
    kind text NOT NULL,
    text text NOT NULL,
    created_at @instant NOT NULL,
    CONSTRAINT session_text_kind CHECK (kind IN ('notes', 'reason'))
) @strict;
CREATE INDEX session_text_author ON session_text (author_id);
CREATE INDEX session_text_created ON session_text (created_at);
";
