//! Where push messages go.

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
        ddl::run(manager, "DROP TABLE device;").await
    }
}

// A token is one device's, and a device has one owner: whoever registers it has it from then on.
const UP: &str = r#"
CREATE TABLE device (
    token text NOT NULL PRIMARY KEY,
    user_id @uuid NOT NULL,
    platform text NOT NULL,
    created_at @instant NOT NULL,
    last_seen_at @instant NOT NULL,
    CONSTRAINT device_user FOREIGN KEY (user_id) REFERENCES "user" (id),
    CONSTRAINT device_platform CHECK (platform IN ('ios', 'android', 'web'))
) @strict;
CREATE INDEX device_owner ON device (user_id, last_seen_at);
"#;
