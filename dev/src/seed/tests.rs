use super::{logins, seed, users};
use entities::{
    daily_insight,
    db::{Db, Options},
    schedule, specialist,
};
use std::{collections::BTreeSet, path::Path};
use uuid::Uuid;
use workflows::{
    ids::SpecialistId,
    insights::{days::utc, language::Language, sign::Sign},
    slots::calendar::Calendar,
    time::Instant,
};

async fn database(folder: &Path) -> Db {
    let url = format!("sqlite:{}", folder.join("aroti.db").display());
    let db = Db::connect(&url, &Options::default()).await.unwrap();
    migration::up(db.writer()).await.unwrap();
    db
}

fn subject(user: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, user.as_bytes())
}

fn now() -> Instant {
    "2026-11-21T10:30:00Z".parse().unwrap()
}

#[tokio::test]
async fn everybody_can_be_booked_and_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    let n_new = seed(&db, &subject, now()).await.unwrap();
    let logins = logins();
    assert_eq!(n_new, logins.len());
    assert!(12 <= n_new);
    let zones: BTreeSet<_> = logins.values().map(|login| login.time_zone.as_str()).collect();
    assert_eq!(zones.len(), n_new, "a zone each");
    for (id, login) in logins {
        let id = SpecialistId(id);
        let found = specialist::with_services(db.reader(), id).await.unwrap().unwrap();
        let row = &found.specialist;
        assert_eq!(row.user_id.map(|user| user.0), Some(subject(&login.user)));
        let histogram = entities::review::histogram(db.reader(), id).await.unwrap();
        let sum: i64 = (1..).zip(histogram).map(|(stars, n)| stars * n).sum();
        assert_eq!(
            (row.rating_sum, i64::from(row.review_count)),
            (sum, histogram.iter().sum())
        );

        let (from, to) = (now(), now().plus_minutes(14 * 24 * 60));
        let dates = [from, to].map(|at| jiff::tz::TimeZone::UTC.to_datetime(at.timestamp()).date());
        let (hours, overrides) = schedule::with_overrides(db.reader(), id, dates[0], dates[1])
            .await
            .unwrap()
            .unwrap();
        let schedule = hours.rules(&row.time_zone, overrides).unwrap();
        for service in &found.services {
            let offer = service.offer().unwrap();
            let calendar = Calendar {
                schedule: &schedule,
                offer: &offer,
                occupied: &[],
                busy: &[],
                now: now(),
            };
            assert!(
                !calendar.free(from, to).unwrap().is_empty(),
                "{} of {}",
                service.name,
                login.user
            );
        }
    }
    assert!(users().iter().any(|user| user.roles.contains(&"admin")));
}

#[tokio::test]
async fn everybody_has_an_insight_for_a_week_and_no_text_twice() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    seed(&db, &subject, now()).await.unwrap();
    let mut texts = BTreeSet::new();
    let first = utc(now());
    for n in 0..7 {
        let date = first.checked_add(jiff::Span::new().days(n)).unwrap();
        let prepared = daily_insight::prepare_day(&db, date, now()).await.unwrap();
        assert_eq!((prepared.made, prepared.there), (2 * 13, 0));
        let language = Language::parse("de").unwrap();
        let leo = daily_insight::find(db.reader(), date, Some(Sign::Leo), &language)
            .await
            .unwrap();
        texts.insert(leo.unwrap().text_id);
    }
    assert_eq!(texts.len(), 7);
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    seed(&db, &subject, now()).await.unwrap();
    let list = async || {
        specialist::list(
            db.reader(),
            &specialist::Filter {
                limit: 100,
                ..Default::default()
            },
        )
        .await
    };
    let before = list().await.unwrap();
    assert_eq!(seed(&db, &subject, now().plus_minutes(60)).await.unwrap(), 0);
    assert_eq!(list().await.unwrap(), before);
}
