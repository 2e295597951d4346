//! Who did what, when, to which fields: rows are only ever added.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, TABLE).await?;
        ddl::run_either(manager, APPEND_ONLY_IN_POSTGRES, APPEND_ONLY_IN_SQLITE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run_either(
            manager,
            "DROP TABLE audit; DROP FUNCTION audit_append_only();",
            "DROP TABLE audit;",
        )
        .await
    }
}

const TABLE: &str = "
CREATE TABLE audit (
    id @uuid NOT NULL PRIMARY KEY,
    at @instant NOT NULL,
    actor_id @uuid NULL,
    actor_role text NOT NULL,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id text NOT NULL,
    fields @json NOT NULL,
    request_id text NULL
) @strict;
CREATE INDEX audit_newest ON audit (at DESC, id);
CREATE INDEX audit_target ON audit (target_kind, target_id, at DESC, id);
";

const APPEND_ONLY_IN_POSTGRES: &str = "
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit is append-only' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_append_only';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
";

// `INSERT OR REPLACE` deletes without its trigger being asked, hence the third.
const APPEND_ONLY_IN_SQLITE: &str = "
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
";
