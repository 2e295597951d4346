//! Daily reports, as administrators read them.

use crate::app::{Answer, Caller, TestApp, hour, in_days, on_both};
use entities::{daily_report, session_event};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait, sea_query::Expr};
use serde_json::{Value, json};
use workflows::{sessions::state::SessionState, time::Instant};

const REPORTS: &str = "/api/admin/reports";

fn admin(app: &TestApp) -> Caller<'_> {
    let mut root = app.user("root");
    root.token = app.issuer.token("root", &["admin"], 600);
    root
}

fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_day_is_counted_when_somebody_asks_and_stays_as_it_was() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, root) = (app.user("ada"), admin(&app));
        let specialist = app.specialist().create().await;
        let kept = ada.book("k1", &hour(&specialist, in_days(2))).await;
        app.until_status(kept.session(), SessionState::Confirmed).await;
        app.until_event(kept.session(), "confirmation_mail:sent", 2).await;
        let dropped = ada.book("k2", &hour(&specialist, in_days(3))).await;
        app.until_status(dropped.session(), SessionState::Confirmed).await;
        app.until_event(dropped.session(), "confirmation_mail:sent", 2).await;
        assert_eq!(ada.cancel(dropped.id()).await.status, 200);

        // Let it have happened yesterday at noon, whenever it is now.
        let yesterday = today().yesterday().unwrap();
        let noon = yesterday.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
        app.until_event(dropped.session(), "cancellation_mail:sent", 2).await;
        let tx = app.database.db.begin_write().await.unwrap();
        session_event::Entity::update_many()
            .col_expr(session_event::Column::At, Expr::value(Instant::new(noon)))
            .exec(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();

        let path = format!("{REPORTS}/{yesterday}");
        assert_eq!(root.get(REPORTS).await.body["items"], json!([]), "nobody has asked yet");
        let report = root.get(&path).await;
        assert_eq!(report.status, 200, "{report:?}");
        let of = |name: &str| report.body[name].clone();
        assert_eq!(
            [
                "bookings",
                "cancellations",
                "no_shows",
                "completed",
                "expired_holds",
                "clients",
                "returning_clients"
            ]
            .map(of),
            [2, 1, 0, 0, 0, 1, 0].map(Value::from)
        );
        // Both were told of two bookings and of one cancellation.
        assert_eq!((of("mails_sent"), of("reminders_sent")), (json!(6), json!(0)));
        assert_eq!(of("reminder_lateness_max_ms"), Value::Null);
        let booked = json!([{"id": specialist.id, "name": "Test Specialist", "bookings": 2}]);
        assert_eq!((of("specialists"), of("date")), (booked, json!(yesterday.to_string())));

        let tx = app.database.db.begin_write().await.unwrap();
        session_event::Entity::delete_many().exec(&tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(root.get(&path).await.body, report.body);
        assert_eq!(root.get(REPORTS).await.body["items"], json!([report.body]));
        let many = futures::future::join_all((0..6).map(|_| root.get(&path))).await;
        assert!(many.iter().all(|answer| answer.body == report.body));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_for_administrators_and_about_days_that_are_over() {
    on_both(async |kind| {
        let app = TestApp::new(kind).await;
        let (ada, root) = (app.user("ada"), admin(&app));
        let yesterday = today().yesterday().unwrap();
        for path in [REPORTS.to_owned(), format!("{REPORTS}/{yesterday}")] {
            let refused = ada.get(&path).await;
            assert_eq!((refused.status, refused.error()), (403, "insufficient_permissions"));
            assert_eq!(Answer::of(app.request(Method::GET, &path)).await.status, 401);
        }
        let long_ago = today().checked_sub(401.days()).unwrap();
        for date in [
            today().checked_add(2.days()).unwrap().to_string(),
            long_ago.to_string(),
            "0001-01-01".to_owned(),
            "9999-12-31".to_owned(),
            "2026-02-30".to_owned(),
            "yesterday".to_owned(),
        ] {
            let missing = root.get(&format!("{REPORTS}/{date}")).await;
            assert_eq!((missing.status, missing.error()), (404, "report_not_found"), "{date}");
        }
        let n = daily_report::Entity::find()
            .count(app.database.db.reader())
            .await
            .unwrap();
        assert_eq!(n, 0, "nothing is made of them");

        let days: Vec<_> = (1..=5).map(|n| today().checked_sub(n.days()).unwrap()).collect();
        for day in &days {
            assert_eq!(root.get(&format!("{REPORTS}/{day}")).await.status, 200);
        }
        let mut seen = Vec::new();
        let range = format!("{REPORTS}?from={}&to={}&limit=2", days[4], days[1]);
        let mut next = range.clone();
        loop {
            let page = root.get(&next).await;
            assert_eq!(page.status, 200, "{page:?}");
            seen.extend(
                page.body["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["date"].clone()),
            );
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            assert!(page.header("link").contains("rel=\"next\""));
            next = format!("{range}&cursor={cursor}");
        }
        let expected: Vec<_> = days[1..].iter().map(|day| json!(day.to_string())).collect();
        assert_eq!(seen, expected, "the newest first");
        for (query, field) in [("from=x", "from"), ("to=2026-02-30", "to"), ("cursor=x", "cursor")] {
            let refused = root.get(&format!("{REPORTS}?{query}")).await;
            assert_eq!(
                (refused.status, &refused.body["errors"][0]["field"]),
                (422, &json!(field))
            );
        }
    })
    .await;
}
