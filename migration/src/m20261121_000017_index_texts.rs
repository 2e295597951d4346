//! Which session refers to a text: asked for every old text when those that none refers to are removed.

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
        ddl::run(manager, DOWN).await
    }
}

const UP: &str = "
CREATE INDEX session_notes ON session (notes_id) WHERE notes_id IS NOT NULL;
CREATE INDEX session_cancel_reason ON session (cancel_reason_id) WHERE cancel_reason_id IS NOT NULL;
";

const DOWN: &str = "
DROP INDEX session_notes;
DROP INDEX session_cancel_reason;
";
