//! Daily reports, and to whom they were mailed.

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
        ddl::run(manager, "DROP TABLE report_mail; DROP TABLE daily_report;").await
    }
}

// A recipient is kept as a digest of the address: enough to know that they were written to.
const UP: &str = "
CREATE TABLE daily_report (
    date @date NOT NULL PRIMARY KEY,
    bookings @int NOT NULL,
    cancellations @int NOT NULL,
    no_shows @int NOT NULL,
    completed @int NOT NULL,
    expired_holds @int NOT NULL,
    mails_sent @int NOT NULL,
    reminders_sent @int NOT NULL,
    reminder_lateness_max_ms @bigint NULL,
    reminder_lateness_mean_ms @bigint NULL,
    clients @int NOT NULL,
    returning_clients @int NOT NULL,
    specialists @json NOT NULL,
    created_at @instant NOT NULL,
    CONSTRAINT daily_report_counts CHECK (
        bookings >= 0 AND cancellations >= 0 AND no_shows >= 0 AND completed >= 0 AND expired_holds >= 0
        AND reminders_sent >= 0 AND mails_sent >= reminders_sent AND clients >= 0
        AND returning_clients BETWEEN 0 AND clients
    ),
    CONSTRAINT daily_report_lateness CHECK (
        reminder_lateness_mean_ms >= 0 AND reminder_lateness_max_ms >= reminder_lateness_mean_ms
    )
) @strict;

CREATE TABLE report_mail (
    date @date NOT NULL,
    recipient @uuid NOT NULL,
    status text NOT NULL,
    at @instant NOT NULL,
    PRIMARY KEY (date, recipient),
    CONSTRAINT report_mail_date FOREIGN KEY (date) REFERENCES daily_report (date),
    CONSTRAINT report_mail_status CHECK (status IN ('sent', 'skipped', 'refused'))
) @strict;
";
