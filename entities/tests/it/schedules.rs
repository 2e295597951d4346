//! Schedules and their exceptions, and how they become what the slot functions ask for.

use crate::support::{in_a_transaction, on_both, on_monday, somebody_with_a_service, store};
use entities::{
    column::{LocalDate, WeeklyHours},
    schedule, schedule_override,
};
use jiff::civil::{Date, date};
use sea_orm::ActiveValue::Set;
use workflows::slots::schedule::{Weekly, Window};

#[tokio::test]
async fn a_schedule_comes_with_the_overrides_of_its_range() {
    on_both(async |db| {
        let specialist = somebody_with_a_service(db).await.specialist_id;
        let read = async |from: Date, to: Date| {
            schedule::with_overrides(db.reader(), specialist, from, to)
                .await
                .unwrap()
        };
        assert_eq!(read(date(2026, 6, 1), date(2026, 6, 30)).await, None);
        assert_eq!(schedule::of(db.reader(), specialist).await.unwrap(), None);

        let weekly = Weekly {
            mon: vec![window("09:00", "17:00")],
            ..Weekly::default()
        };
        let row = schedule::Model {
            specialist_id: specialist,
            weekly: WeeklyHours(weekly.clone()),
            minimum_notice_minutes: 60,
            booking_window_days: Some(30),
            book_until: Some(LocalDate(date(2026, 12, 31))),
            max_per_day: None,
            max_per_week: Some(0),
            cancel_notice_minutes: 120,
            reschedule_notice_minutes: 180,
            max_reschedules: None,
            hold_minutes: 10,
            version: 1,
            updated_at: on_monday("09:00"),
        };
        store(db, [row.clone()]).await;
        assert_eq!(
            read(date(2026, 6, 1), date(2026, 6, 30)).await,
            Some((row.clone(), Vec::new()))
        );

        for (day, windows) in [
            (5, vec![window("10:00", "12:00"), window("13:00", "24:00")]),
            (1, vec![]),
            (30, vec![]),
        ] {
            let put = async |windows| {
                in_a_transaction(db, async |tx| {
                    schedule_override::put(tx, specialist, date(2026, 6, day), windows, on_monday("09:00")).await
                })
                .await
                .unwrap();
            };
            put(vec![window("00:00", "01:00")]).await;
            put(windows).await;
        }
        let (found, overrides) = read(date(2026, 6, 1), date(2026, 6, 29)).await.unwrap();
        assert_eq!(found, row);
        assert_eq!(overrides.iter().map(|day| day.date.0.day()).collect::<Vec<_>>(), [1, 5]);
        let between = schedule_override::between(db.reader(), specialist, date(2026, 6, 1), date(2026, 6, 29)).await;
        assert_eq!(between.unwrap(), overrides);
        assert_eq!(
            read(date(2027, 6, 1), date(2027, 6, 29)).await,
            Some((row.clone(), Vec::new()))
        );

        let rules = found.rules("Europe/Berlin", overrides).unwrap();
        assert_eq!(rules.weekly, weekly);
        assert!(rules.is_day_off(date(2026, 6, 1)) && !rules.is_day_off(date(2026, 6, 5)));
        assert_eq!(
            rules.windows(date(2026, 6, 5)),
            [window("10:00", "12:00"), window("13:00", "24:00")]
        );
        assert_eq!(rules.windows(date(2026, 6, 8)), [window("09:00", "17:00")]);
        assert_eq!(
            (
                rules.minimum_notice_minutes,
                rules.booking_window_days,
                rules.max_per_week
            ),
            (60, Some(30), Some(0))
        );
        assert_eq!(rules.book_until, Some(date(2026, 12, 31)));
        assert!(row.rules("Europe/Atlantis", []).is_err());

        for expected in [true, false] {
            let deleted = in_a_transaction(db, async |tx| {
                schedule_override::delete(tx, specialist, date(2026, 6, 5), on_monday("09:00")).await
            });
            assert_eq!(deleted.await, Ok(expected));
        }
        let changes = schedule::ActiveModel {
            book_until: Set(None),
            hold_minutes: Set(5),
            ..Default::default()
        };
        let changed = in_a_transaction(db, async |tx| {
            schedule::change(tx, specialist, changes, on_monday("10:00")).await
        });
        let changed = changed.await.unwrap().unwrap();
        assert_eq!(
            (changed.version, changed.book_until, changed.hold_minutes),
            (2, None, 5)
        );
        assert_eq!(changed.weekly, row.weekly);
    })
    .await;
}

fn window(from: &str, to: &str) -> Window {
    Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}
