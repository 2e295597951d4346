//! People with a login, and what they say about themselves.

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
        ddl::run(manager, "DROP TABLE profile; DROP TABLE \"user\";").await
    }
}

// The row of a deleted person stays, so that the token that is still good for minutes makes no new one.
const UP: &str = r#"
CREATE TABLE "user" (
    id @uuid NOT NULL PRIMARY KEY,
    created_at @instant NOT NULL,
    deleted_at @instant NULL
) @strict;

CREATE TABLE profile (
    user_id @uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    birth_date @date NULL,
    time_zone text NOT NULL,
    locale text NOT NULL,
    reminder_offsets @json NOT NULL,
    channels @json NOT NULL,
    version @int NOT NULL DEFAULT 1,
    updated_at @instant NOT NULL,
    CONSTRAINT profile_user FOREIGN KEY (user_id) REFERENCES "user" (id)
) @strict;
"#;
