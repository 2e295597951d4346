//! What is open to whom.

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
        ddl::run(manager, "DROP TABLE feature_flag;").await
    }
}

const UP: &str = "
CREATE TABLE feature_flag (
    name text NOT NULL PRIMARY KEY,
    enabled @bool NOT NULL,
    percentage @int NOT NULL,
    users @json NOT NULL,
    description text NOT NULL,
    version @int NOT NULL DEFAULT 1,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT feature_flag_name CHECK (length(name) BETWEEN 1 AND 64),
    CONSTRAINT feature_flag_percentage CHECK (percentage BETWEEN 0 AND 100)
) @strict;
";
