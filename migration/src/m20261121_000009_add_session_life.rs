//! What a session needs over its whole life: which meeting it has, and when nothing can happen to it any more.

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

// Sessions that share a start share the meeting of the one that was there first; a meeting is removed with the last of
// them that blocks.
const UP: &str = "
ALTER TABLE session ADD COLUMN meeting_key text NULL;
ALTER TABLE session ADD COLUMN closed_at @instant NULL;
CREATE INDEX session_meeting ON session (meeting_key)
    WHERE status IN ('held', 'confirmed', 'completed', 'no_show');
";

const DOWN: &str = "
DROP INDEX session_meeting;
ALTER TABLE session DROP COLUMN meeting_key;
ALTER TABLE session DROP COLUMN closed_at;
";
