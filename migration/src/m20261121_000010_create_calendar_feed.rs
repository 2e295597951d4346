//! Feeds of sessions that people subscribe to.

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
        ddl::run(manager, "DROP TABLE calendar_feed;").await
    }
}

// A person has a feed of what they booked and, as a specialist, another of what they give. What opens a feed is not
// kept: its address is derived from the person, the side and the generation with a secret key. A row is never deleted,
// because one made anew would begin with a generation whose address may be known.
const UP: &str = r#"
CREATE TABLE calendar_feed (
    user_id @uuid NOT NULL,
    side text NOT NULL,
    generation @int NOT NULL,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    PRIMARY KEY (user_id, side),
    CONSTRAINT calendar_feed_user FOREIGN KEY (user_id) REFERENCES "user" (id),
    CONSTRAINT calendar_feed_side CHECK (side IN ('client', 'specialist')),
    CONSTRAINT calendar_feed_generation CHECK (generation >= 1)
) @strict;
"#;
