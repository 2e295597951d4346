//! When a specialist works, and the rules of booking.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, SCHEDULE).await?;
        ddl::run_either(manager, OVERRIDE_IN_POSTGRES, OVERRIDE_IN_SQLITE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP TABLE schedule_override; DROP TABLE schedule;").await
    }
}

const SCHEDULE: &str = "
CREATE TABLE schedule (
    specialist_id @uuid NOT NULL PRIMARY KEY,
    weekly @json NOT NULL,
    minimum_notice_minutes @int NOT NULL,
    booking_window_days @int NULL,
    book_until @date NULL,
    max_per_day @int NULL,
    max_per_week @int NULL,
    cancel_notice_minutes @int NOT NULL,
    reschedule_notice_minutes @int NOT NULL,
    max_reschedules @int NULL,
    hold_minutes @int NOT NULL,
    version @int NOT NULL DEFAULT 1,
    updated_at @instant NOT NULL,
    CONSTRAINT schedule_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id),
    CONSTRAINT schedule_notice CHECK (
        minimum_notice_minutes >= 0 AND cancel_notice_minutes >= 0 AND reschedule_notice_minutes >= 0
    ),
    CONSTRAINT schedule_limits CHECK (
        (booking_window_days IS NULL OR booking_window_days >= 0)
        AND (max_per_day IS NULL OR max_per_day >= 0)
        AND (max_per_week IS NULL OR max_per_week >= 0)
        AND (max_reschedules IS NULL OR max_reschedules >= 0)
    ),
    CONSTRAINT schedule_hold CHECK (hold_minutes > 0)
) @strict;
";

const OVERRIDE_IN_POSTGRES: &str = "
CREATE TABLE schedule_override (
    specialist_id uuid NOT NULL,
    date date NOT NULL,
    windows jsonb NOT NULL,
    PRIMARY KEY (specialist_id, date),
    CONSTRAINT schedule_override_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id)
);
";

// A day that does not exist is refused by the type there, by the check here.
const OVERRIDE_IN_SQLITE: &str = "
CREATE TABLE schedule_override (
    specialist_id BLOB NOT NULL,
    date TEXT NOT NULL,
    windows TEXT NOT NULL,
    PRIMARY KEY (specialist_id, date),
    CONSTRAINT schedule_override_specialist FOREIGN KEY (specialist_id) REFERENCES specialist (id),
    CONSTRAINT schedule_override_date CHECK (strftime('%Y-%m-%d', date) IS date)
) STRICT;
";
