//! What clients say about sessions.

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
        ddl::run(manager, "DROP TABLE review;").await
    }
}

// A review outlives its client, and reviews brought from elsewhere have no session.
const UP: &str = "
CREATE TABLE review (
    id @uuid NOT NULL PRIMARY KEY,
    session_id @uuid NULL,
    specialist_id @uuid NOT NULL,
    client_id @uuid NULL,
    author text NOT NULL,
    rating @int NOT NULL,
    text text NOT NULL,
    created_at @instant NOT NULL,
    CONSTRAINT review_session_of FOREIGN KEY (session_id) REFERENCES session (id),
    CONSTRAINT review_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id),
    CONSTRAINT review_rating CHECK (rating BETWEEN 1 AND 5)
) @strict;
CREATE UNIQUE INDEX review_session ON review (session_id);
CREATE INDEX review_newest ON review (specialist_id, created_at DESC, id);
CREATE INDEX review_client ON review (client_id) WHERE client_id IS NOT NULL;
";
