//! What somebody did: asked for when they want to know what is stored about them.

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
        ddl::run(manager, "DROP INDEX audit_of_actor;").await
    }
}

const UP: &str = "
CREATE INDEX audit_of_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL;
";
