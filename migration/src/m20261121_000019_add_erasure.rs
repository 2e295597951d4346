//! When nothing of a deleted person was left.

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

// The index holds only those whose deletion is under way: operators ask for them.
const UP: &str = r#"
ALTER TABLE "user" ADD COLUMN erased_at @instant NULL;
CREATE INDEX user_leaving ON "user" (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
"#;

const DOWN: &str = r#"
DROP INDEX user_leaving;
ALTER TABLE "user" DROP COLUMN erased_at;
"#;
