//! Daily insights: the library of texts, and the days made of it.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let up = UP.replace("@signs", SIGNS);
        ddl::run(manager, &up).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP TABLE daily_insight; DROP TABLE insight_text;").await
    }
}

const SIGNS: &str = "'aries', 'taurus', 'gemini', 'cancer', 'leo', 'virgo', 'libra', 'scorpio', 'sagittarius', \
                     'capricorn', 'aquarius', 'pisces'";

// A text without a sign is for everybody. A day has a copy of its text, and no reference: what people were shown stays
// when the library changes. Its key is also the range in which the days around one are looked up.
const UP: &str = "
CREATE TABLE insight_text (
    id @uuid NOT NULL PRIMARY KEY,
    language text NOT NULL,
    sign text NULL,
    title text NULL,
    text text NOT NULL,
    active @bool NOT NULL,
    version @int NOT NULL DEFAULT 1,
    created_at @instant NOT NULL,
    updated_at @instant NOT NULL,
    CONSTRAINT insight_text_language CHECK (length(language) BETWEEN 2 AND 35),
    CONSTRAINT insight_text_sign CHECK (sign IN (@signs)),
    CONSTRAINT insight_text_text CHECK (length(text) > 0),
    CONSTRAINT insight_text_version CHECK (version >= 1)
) @strict;
CREATE INDEX insight_text_choice ON insight_text (language, sign, id) WHERE active;

CREATE TABLE daily_insight (
    date @date NOT NULL,
    sign text NOT NULL,
    language text NOT NULL,
    text_id @uuid NOT NULL,
    title text NULL,
    text text NOT NULL,
    created_at @instant NOT NULL,
    PRIMARY KEY (date, sign, language),
    CONSTRAINT daily_insight_sign CHECK (sign IN ('generic', @signs))
) @strict;
CREATE INDEX daily_insight_text ON daily_insight (text_id, date);
";
