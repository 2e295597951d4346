//! Recurring bookings: what was asked for as one, and which of its weeks could not be had.

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
        ddl::run(manager, "DROP TABLE series;").await
    }
}

// Its sessions name it by `series_id`. The client is no foreign key: the row outlives the account.
const UP: &str = "
CREATE TABLE series (
    id @uuid NOT NULL PRIMARY KEY,
    client_id @uuid NOT NULL,
    specialist_id @uuid NOT NULL,
    request_hash text NOT NULL,
    refused @json NOT NULL,
    created_at @instant NOT NULL,
    CONSTRAINT series_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id)
) @strict;
CREATE INDEX series_client ON series (client_id);
";
