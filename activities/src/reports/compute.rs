//! `reports.compute`: a day in figures, once.

use crate::error::StepError;
use entities::{daily_report, db::Db};
use workflows::reports::{contract::OfReport, rules::is_over};

pub(super) async fn run(db: &Db, input: OfReport) -> Result<(), StepError> {
    let OfReport { date, now } = input;
    if !is_over(date, now) {
        return Err(StepError::Final {
            code: "day_not_over",
            message: format!("{date} is not over"),
        });
    }
    daily_report::ensure(db, date, now).await?;
    Ok(())
}
