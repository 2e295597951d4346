//! Reviews: one a session, counted into the average.

use crate::support::{
    a_session, in_a_transaction, insert, on_both, on_monday, refused_by, somebody, somebody_with_a_service,
};
use entities::{review, specialist};
use uuid::Uuid;
use workflows::ids::ReviewId;

#[tokio::test]
async fn reviews_are_counted_and_paged() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let specialist = service.specialist_id;
        assert_eq!(review::histogram(db.reader(), specialist).await.unwrap(), [0; 5]);
        let of = |rating, minute: i64| review::Model {
            id: ReviewId(Uuid::now_v7()),
            session_id: None,
            specialist_id: specialist,
            client_id: None,
            author: "Ada".to_owned(),
            rating,
            text: "Fine".to_owned(),
            created_at: on_monday("09:00").plus_minutes(minute),
        };
        // Two were written at one instant.
        for (rating, minute) in [(5, 0), (4, 1), (4, 1), (1, 2), (5, 3)] {
            in_a_transaction(db, async |tx| review::insert(tx, of(rating, minute)).await)
                .await
                .unwrap();
        }
        assert_eq!(
            review::histogram(db.reader(), specialist).await.unwrap(),
            [1, 0, 0, 2, 2]
        );
        let row = specialist::with_services(db.reader(), specialist)
            .await
            .unwrap()
            .unwrap()
            .specialist;
        assert_eq!((row.rating_sum, row.review_count, row.rating_score()), (19, 5, 38_000));

        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = review::page(db.reader(), specialist, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            seen.extend(page);
        }
        assert_eq!(
            seen.iter().map(|review| review.rating).collect::<Vec<_>>(),
            [5, 1, 4, 4, 5]
        );
        assert_ne!(seen[2].id, seen[3].id);
        for rating in [0, 6] {
            let refused = in_a_transaction(db, async |tx| review::insert(tx, of(rating, 9)).await).await;
            assert_eq!(refused, refused_by("review_rating"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_is_reviewed_once() {
    on_both(async |db| {
        let service = somebody_with_a_service(db).await;
        let session = a_session(&service, somebody(), on_monday("09:00"), on_monday("10:00"));
        insert(db, session.clone()).await.unwrap();
        assert_eq!(review::of_session(db.reader(), session.id).await.unwrap(), None);
        let write = async |rating| {
            let review = review::Model {
                id: ReviewId(Uuid::now_v7()),
                session_id: Some(session.id),
                specialist_id: service.specialist_id,
                client_id: Some(session.client_id),
                author: "Ada".to_owned(),
                rating,
                text: String::new(),
                created_at: on_monday("11:00"),
            };
            in_a_transaction(db, async |tx| review::insert(tx, review.clone()).await).await
        };
        assert_eq!(write(5).await, Ok(()));
        assert_eq!(write(1).await, refused_by("review_session"));
        assert_eq!(
            review::of_session(db.reader(), session.id)
                .await
                .unwrap()
                .unwrap()
                .rating,
            5
        );
        assert_eq!(
            review::histogram(db.reader(), service.specialist_id).await.unwrap(),
            [0, 0, 0, 0, 1]
        );
    })
    .await;
}
