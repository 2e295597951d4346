//! What must happen elsewhere because a row has changed: written with the change, done by the workers.

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
        ddl::run(manager, "DROP TABLE follow_up;").await
    }
}

// A worker takes a row for a while and deletes it when it is done; one that dies leaves it to be taken again.
const UP: &str = "
CREATE TABLE follow_up (
    id @uuid NOT NULL PRIMARY KEY,
    work @json NOT NULL,
    created_at @instant NOT NULL,
    taken_until @instant NULL,
    attempts @int NOT NULL DEFAULT 0
) @strict;
";
