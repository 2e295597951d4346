//! What happened on a day: read once a day, and never more than that day.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run_either(manager, IN_POSTGRES, IN_SQLITE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP INDEX session_event_at;").await
    }
}

// Events are appended in the order of time, nearly: a summary of each range of pages finds a day, and costs a booking
// next to nothing, where a tree would have to take in each of its events.
const IN_POSTGRES: &str = "
CREATE INDEX session_event_at ON session_event USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
";

const IN_SQLITE: &str = "
CREATE INDEX session_event_at ON session_event (at);
";
