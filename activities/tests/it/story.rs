//! The life of a session, from the reservation to the close.

use crate::support::{book, booking, cancel, in_days};
use activities::testing::{
    database::Kind,
    people::{client, email_of},
    world::World,
};
use workflows::sessions::{
    contract::{Answer, Role},
    rules,
    state::SessionState,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_from_reservation_to_close() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let world = World::new(kind).await;
        let specialist = world.specialist().create().await;
        let user = client(&world.database.db, &[1440, 60]).await;
        let wanted = booking(user, "a", specialist.id, in_days(2));
        let session = wanted.session;
        assert_eq!(book(&world, wanted).await, Answer::Done(None));
        let booked = world.row(session).await.unwrap();
        assert_eq!(booked.status, SessionState::Confirmed);
        let mail = world.mail(&email_of(user), |_| true).await;
        assert!(
            mail.attachments
                .iter()
                .any(|part| part.method.as_deref() == Some("REQUEST")),
            "{mail:?}"
        );
        world.mail(&specialist.email, |_| true).await;

        world.skip(session, None).await;
        // The last step, whose event is of the moment at which nothing can happen any more.
        world.until_event(session, "closed:done", 1).await;
        let due: Vec<_> = [1440, 60]
            .map(|offset| rules::reminder_at(booked.starts_at, offset))
            .into();
        for (sent, due) in world.times(session, "reminder_mail:sent").await.into_iter().zip(&due) {
            assert!(*due <= sent && sent < due.plus_minutes(1), "due {due}, sent {sent}");
        }
        let completed = world.times(session, "completion:done").await;
        assert!(completed[0] >= booked.ends_at && completed[0] < booked.ends_at.plus_minutes(1));
        assert_eq!(
            world.timeline(session).await,
            [
                "availability:done",
                "reservation:done",
                "meeting_link:done",
                "confirmation:done",
                "confirmation_mail:sent",
                "confirmation_mail:sent",
                "reminder_mail:started",
                "reminder_mail:sent",
                "reminder_mail:started",
                "reminder_mail:sent",
                "completion:done",
                "review_invitation_mail:sent",
                "closed:done",
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_session_tells_everybody_and_ends() {
    let world = World::new(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let user = client(&world.database.db, &[1440, 60]).await;
    let wanted = booking(user, "a", specialist.id, in_days(2));
    let session = wanted.session;
    book(&world, wanted).await;
    world.until_event(session, "confirmation_mail:sent", 2).await;
    let Answer::Done(standing) = cancel(&world, session, Role::Client).await else {
        panic!("refused")
    };
    assert_eq!((standing.status, standing.sequence), (SessionState::Cancelled, 1));
    world.until_event(session, "cancellation_mail:sent", 2).await;
    let mail = world
        .mail(&email_of(user), |mail| {
            mail.message_id.as_deref().is_some_and(|id| id.contains("cancellation"))
        })
        .await;
    let part = mail.attachments.iter().find(|part| part.method.is_some()).unwrap();
    assert_eq!(part.method.as_deref(), Some("CANCEL"));
    assert!(part.text.as_deref().unwrap_or_default().contains("SEQUENCE:1"));
    world.until_event(session, "closed:done", 1).await;
}
