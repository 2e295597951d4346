//! Who did something, and where something was done, are found without a look at the whole trail.

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
        ddl::run(manager, "DROP INDEX audit_actor; DROP INDEX audit_action;").await
    }
}

// Sessions make most of the entries: what is rare among them would be looked for in all of them.
const UP: &str = "
CREATE INDEX audit_actor ON audit (actor_id, at DESC, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_action ON audit (action, at DESC, id);
";
