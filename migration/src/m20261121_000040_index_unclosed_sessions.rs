//! The sessions whose close is not on record: read all through, again and again, among all that ever were.

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
        ddl::run(manager, "DROP INDEX session_unclosed;").await
    }
}

const UP: &str = "
CREATE INDEX session_unclosed ON session (id) WHERE closed_at IS NULL;
";
