//! Insights: chosen once, alike on demand and ahead; the library, and what follows its changes.

use crate::support::{at, attempt, in_a_transaction, on_both, refused_by, texts};
use entities::{daily_insight, db::Db, fault::Fault, insight_text};
use futures::future::join_all;
use jiff::{ToSpan, civil::Date};
use sea_orm::{ConnectionTrait, EntityTrait};
use std::collections::BTreeSet;
use uuid::Uuid;
use workflows::{
    ids::InsightTextId,
    insights::{contract::Prepared, language::Language, sign::Sign},
    time::Instant,
};

fn now() -> Instant {
    at("2026-11-21T10:30:00Z")
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn a_text(n: u128, tag: &str, sign: Option<Sign>) -> insight_text::Model {
    insight_text::Model {
        id: InsightTextId(Uuid::from_u128(n)),
        language: tag.to_owned(),
        sign,
        title: None,
        text: format!("Text {n}"),
        active: true,
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

async fn add(db: &Db, texts: impl IntoIterator<Item = insight_text::Model>) {
    for text in texts {
        in_a_transaction(db, async |tx| insight_text::insert(tx, text).await)
            .await
            .unwrap();
    }
}

async fn shown(db: &Db, date: &str, sign: Option<Sign>, tag: &str) -> Option<daily_insight::Model> {
    daily_insight::find(db.reader(), day(date), sign, &language(tag))
        .await
        .unwrap()
}

#[tokio::test]
async fn on_demand_and_ahead_are_one_choice() {
    on_both(async |db| {
        let leo = (0..4).map(|n| a_text(n, "en", Some(Sign::Leo)));
        let all = (4..12).map(|n| a_text(n, "en", None));
        let german = (12..15).map(|n| a_text(n, "de", None));
        add(db, leo.chain(all).chain(german)).await;
        let date = day("2026-11-21");
        let mut demanded = BTreeSet::new();
        for sign in [None].into_iter().chain(Sign::ALL.map(Some)) {
            for tag in ["en", "de"] {
                let language = language(tag);
                let made = daily_insight::ensure(db, date, sign, &language, now());
                let made = made.await.unwrap().unwrap();
                let again = daily_insight::ensure(db, date, sign, &language, now().plus_minutes(1));
                assert_eq!(again.await.unwrap().unwrap(), made, "a second one finds it");
                demanded.insert((made.sign, made.language, made.text_id));
            }
        }
        let prepared = daily_insight::prepare_day(db, date, now()).await.unwrap();
        assert_eq!(prepared, Prepared { made: 0, there: 26 });

        db.writer()
            .execute_unprepared("DELETE FROM daily_insight")
            .await
            .unwrap();
        let prepared = daily_insight::prepare_day(db, date, now()).await.unwrap();
        assert_eq!(prepared, Prepared { made: 26, there: 0 });
        let rows = daily_insight::Entity::find().all(db.reader()).await.unwrap();
        let ahead: BTreeSet<_> = rows
            .into_iter()
            .map(|row| (row.sign, row.language, row.text_id))
            .collect();
        assert_eq!(ahead, demanded);
        let of_leo = shown(db, "2026-11-21", Some(Sign::Leo), "en").await.unwrap();
        assert!(of_leo.text_id.0.as_u128() < 4, "its own come first");
        let repeated = daily_insight::prepare_day(db, date, now()).await.unwrap();
        assert_eq!(repeated, Prepared { made: 0, there: 26 });
    })
    .await;
}

#[tokio::test]
async fn many_at_once_agree() {
    on_both(async |db| {
        add(db, (0..20).map(|n| a_text(n, "en", None))).await;
        let date = day("2026-11-21");
        let english = language("en");
        let demands = (0..6).map(|_| daily_insight::ensure(db, date, Some(Sign::Aries), &english, now()));
        let ahead = (0..3).map(|_| daily_insight::prepare_day(db, date, now()));
        let (demands, ahead) = futures::future::join(join_all(demands), join_all(ahead)).await;
        let seen: BTreeSet<_> = demands.into_iter().map(|made| made.unwrap().unwrap().text_id).collect();
        assert_eq!(seen.len(), 1);
        assert!(ahead.into_iter().all(|prepared| prepared.is_ok()));
        assert_eq!(
            texts(db.reader(), "SELECT CAST(count(*) AS text) FROM daily_insight").await,
            ["13"]
        );
    })
    .await;
}

#[tokio::test]
async fn nothing_comes_twice_in_a_month_where_there_is_enough() {
    on_both(async |db| {
        add(db, (0..31).map(|n| a_text(n, "en", None))).await;
        let first = day("2026-11-21");
        let mut story = Vec::new();
        for n in 0..40 {
            let date = first.checked_add(n.days()).unwrap();
            daily_insight::prepare_day(db, date, now()).await.unwrap();
            let found = daily_insight::find(db.reader(), date, None, &language("en"))
                .await
                .unwrap();
            story.push(found.unwrap().text_id);
        }
        for month in story.windows(30) {
            assert_eq!(month.iter().collect::<BTreeSet<_>>().len(), 30);
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_library_has_nothing() {
    on_both(async |db| {
        let date = day("2026-11-21");
        let none = daily_insight::ensure(db, date, None, &language("en"), now()).await;
        assert_eq!(none.unwrap(), None);
        let prepared = daily_insight::prepare_day(db, date, now()).await.unwrap();
        assert_eq!(prepared, Prepared::default());
        let resting = insight_text::Model {
            active: false,
            ..a_text(0, "en", None)
        };
        add(db, [resting, a_text(1, "en", Some(Sign::Leo))]).await;
        let prepared = daily_insight::prepare_day(db, date, now()).await.unwrap();
        assert_eq!(
            prepared,
            Prepared { made: 1, there: 0 },
            "a text of Leo's is nobody else's"
        );
        let none = daily_insight::ensure(db, date, None, &language("en"), now()).await;
        assert_eq!(none.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn days_that_are_not_over_follow_the_library() {
    on_both(async |db| {
        add(db, [a_text(0, "en", None)]).await;
        for date in ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"] {
            daily_insight::prepare_day(db, day(date), now()).await.unwrap();
        }
        // At half past ten in UTC the 20th is not over twelve hours west of it; the 19th is, everywhere.
        let reworded = insight_text::Model {
            title: Some("Title".to_owned()),
            text: "Other words".to_owned(),
            ..a_text(0, "en", None)
        };
        let changed = in_a_transaction(db, async |tx| insight_text::replace(tx, reworded.clone(), now()).await).await;
        assert_eq!(changed.unwrap().unwrap().version, 2);
        let words = async |date: &str| shown(db, date, None, "en").await.map(|row| row.text);
        assert_eq!(words("2026-11-19").await.unwrap(), "Text 0", "what was shown stays");
        for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
            assert_eq!(words(date).await.unwrap(), "Other words");
        }

        let of_leo = insight_text::Model {
            sign: Some(Sign::Leo),
            ..reworded.clone()
        };
        in_a_transaction(db, async |tx| insight_text::replace(tx, of_leo, now()).await)
            .await
            .unwrap();
        assert_eq!(words("2026-11-21").await, None, "it is not for everybody any more");
        assert!(shown(db, "2026-11-21", Some(Sign::Leo), "en").await.is_some());

        let resting = insight_text::Model {
            sign: Some(Sign::Leo),
            active: false,
            ..reworded
        };
        in_a_transaction(db, async |tx| insight_text::replace(tx, resting, now()).await)
            .await
            .unwrap();
        assert_eq!(shown(db, "2026-11-21", Some(Sign::Leo), "en").await, None);
        assert_eq!(words("2026-11-19").await.unwrap(), "Text 0");

        add(db, [a_text(1, "en", None)]).await;
        daily_insight::prepare_day(db, day("2026-11-22"), now()).await.unwrap();
        assert_eq!(words("2026-11-22").await.unwrap(), "Text 1");
        let gone = in_a_transaction(db, async |tx| {
            insight_text::delete(tx, InsightTextId(Uuid::from_u128(1)), now()).await
        });
        assert!(gone.await.unwrap());
        assert_eq!(words("2026-11-22").await, None);
    })
    .await;
}

#[tokio::test]
async fn the_library_is_paged_and_filtered() {
    on_both(async |db| {
        let texts = [
            a_text(1, "en", None),
            a_text(2, "de", None),
            a_text(3, "en", Some(Sign::Leo)),
            insight_text::Model {
                active: false,
                ..a_text(4, "en", None)
            },
        ];
        add(db, texts).await;
        let page = async |filter: insight_text::Filter| {
            let filter = insight_text::Filter { limit: 10, ..filter };
            let rows = insight_text::page(db.reader(), &filter).await.unwrap();
            rows.iter().map(|row| row.id.0.as_u128()).collect::<Vec<_>>()
        };
        let of = insight_text::Filter::default;
        assert_eq!(page(of()).await, [1, 2, 3, 4]);
        let filter = insight_text::Filter {
            language: Some(language("en")),
            sign: Some(None),
            ..of()
        };
        assert_eq!(page(filter).await, [1, 4]);
        let filter = insight_text::Filter {
            sign: Some(Some(Sign::Leo)),
            ..of()
        };
        assert_eq!(page(filter).await, [3]);
        let filter = insight_text::Filter {
            active: Some(true),
            after: Some(InsightTextId(Uuid::from_u128(1))),
            ..of()
        };
        assert_eq!(page(filter).await, [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn the_schema_refuses_what_is_no_insight() {
    on_both(async |db| {
        add(db, [a_text(0, "en", None)]).await;
        daily_insight::prepare_day(db, day("2026-11-21"), now()).await.unwrap();
        let wrong = "UPDATE daily_insight SET sign = 'ophiuchus' WHERE sign = 'leo'";
        assert_eq!(attempt(db.writer(), wrong).await, refused_by("daily_insight_sign"));
        let wrong = "UPDATE insight_text SET sign = 'ophiuchus'";
        assert_eq!(attempt(db.writer(), wrong).await, refused_by("insight_text_sign"));
        let wrong = "UPDATE insight_text SET text = ''";
        assert_eq!(attempt(db.writer(), wrong).await, refused_by("insight_text_text"));
        let twice = "INSERT INTO daily_insight SELECT * FROM daily_insight WHERE sign = 'generic'";
        let twice = attempt(db.writer(), twice).await;
        assert_eq!(twice, Err(Fault::Constraint("daily_insight_pkey".to_owned())));
    })
    .await;
}
