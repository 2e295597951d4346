//! Leaving for good: what goes, what stays, and what may be away meanwhile.

use crate::support::{amend, attempts, book, booking, cancel, delete_account, in_days};
use activities::{
    accounts::identity::{IdentityError, IdentityProvider},
    testing::{
        database::Kind,
        engine,
        identity::IdentityService,
        people::{client, email_of},
        personal::mentions,
        wait::until,
        world::{Setup, World},
    },
};
use entities::{
    device, profile, session,
    session_text::{self, Kind as TextKind},
    specialist, user,
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, EntityTrait};
use std::time::Duration;
use temporalio_client::{WorkflowGetResultOptions, WorkflowHandle};
use uuid::Uuid;
use workflows::{
    accounts::{
        contract::{Identity, Marked, workflow_id},
        error::AccountError,
        workflow::AccountDeletion,
    },
    ids::{SpecialistId, TextId, UserId},
    sessions::{
        contract::{Answer, Role},
        state::SessionState,
    },
    time::Instant,
};

const DAY: Duration = Duration::from_secs(86_400);

/// A world with an identity provider that knows somebody.
async fn known(kind: Kind) -> (World, IdentityService, UserId) {
    let identity = IdentityService::start().await;
    let setup = Setup {
        identity: Some(identity.realm.clone()),
        ..Default::default()
    };
    let world = World::with(kind, setup).await;
    let user = client(&world.database.db, &[60]).await;
    identity.add(user);
    (world, identity, user)
}

fn now() -> Instant {
    Instant::new(Timestamp::now())
}

async fn note(world: &World, author: UserId, text: &str) -> TextId {
    let id = TextId(Uuid::now_v7());
    let row = session_text::Model {
        id,
        author_id: author,
        kind: TextKind::Notes,
        text: text.to_owned(),
        created_at: now(),
    };
    let tx = world.database.db.begin_write().await.unwrap();
    session_text::insert(&tx, row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn until_erased(world: &World, user: UserId) {
    until("who they were is erased", async || {
        let profile = profile::of(world.database.db.reader(), user).await.unwrap();
        profile.is_none().then_some(())
    })
    .await;
}

/// Let its time run until nothing is left to be done; what it reported of the identity provider.
async fn to_the_end(world: &World, user: UserId) -> Option<Identity> {
    engine::skip(&world.engine, &workflow_id(user), None).await;
    let run: WorkflowHandle<_, AccountDeletion> = world.engine.get_workflow_handle(workflow_id(user));
    run.get_result(WorkflowGetResultOptions::default()).await.unwrap()
}

async fn row(world: &World, user: UserId) -> user::Model {
    user::find(world.database.db.reader(), user).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_provider_that_is_away_for_days_delays_nothing_but_itself() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let (world, identity, user) = known(kind).await;
        let specialist = world.specialist().create().await;
        let wanted = booking(user, "k", specialist.id, in_days(3));
        let session = wanted.session;
        assert!(matches!(book(&world, wanted).await, Answer::Done(_)));
        world.until_event(session, "confirmation_mail:sent", 2).await;
        identity.answer(Some(503));
        assert_eq!(delete_account(&world, user).await, Marked::Done);
        assert!(row(&world, user).await.deleted_at.is_some(), "before it is answered");
        let email = email_of(user);
        world
            .mail(&email, |mail| {
                mail.subject.as_deref().is_some_and(|it| it.contains("ancel"))
            })
            .await;
        world.until_event(session, "cancellation_mail:sent", 2).await;
        until_erased(&world, user).await;
        let found = mentions(&world.database.db, &[&email, "Test Client"]).await;
        assert!(found.is_empty(), "{found:?}");

        engine::skip(&world.engine, &workflow_id(user), Some(2 * DAY)).await;
        let calls = identity.calls().len();
        until("it is asked again after two days", async || {
            (calls + 3 <= identity.calls().len()).then_some(())
        })
        .await;
        assert!(identity.knows(user));
        assert_eq!(row(&world, user).await.erased_at, None);
        // The same answer while it is under way.
        assert_eq!(delete_account(&world, user).await, Marked::Done);

        identity.answer(None);
        assert_eq!(to_the_end(&world, user).await, Some(Identity::Deleted));
        assert!(!identity.knows(user));
        assert!(row(&world, user).await.erased_at.is_some());
        // Ids tell of nobody; the row keeps the subject from being made again.
        let tx = world.database.db.begin_write().await.unwrap();
        let seen = user::first_sight(&tx, user, &email, Some("Test Client"), now()).await;
        assert_eq!(seen.unwrap(), user::Account::Deleted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_for_days_does_not_keep_who_they_were() {
    let (world, _identity, user) = known(Kind::Postgres).await;
    let specialist = world.specialist().create().await;
    let wanted = booking(user, "k", specialist.id, in_days(3));
    let session = wanted.session;
    assert!(matches!(book(&world, wanted).await, Answer::Done(_)));
    world.until_event(session, "confirmation_mail:sent", 2).await;
    world.outbox.fail(451, 1_000_000);
    assert_eq!(delete_account(&world, user).await, Marked::Done);
    world.until_status(session, SessionState::Cancelled).await;
    let kept = profile::of(world.database.db.reader(), user).await.unwrap();
    assert!(kept.is_some(), "the letter needs the address");
    engine::skip(&world.engine, &workflow_id(user), Some(4 * DAY)).await;
    until_erased(&world, user).await;
    // An attempt that has read the address before may still use it, so the server is no better until none is left.
    let tried = attempts(&world, session).await;
    until("it is tried again", async || {
        (tried < attempts(&world, session).await).then_some(())
    })
    .await;
    let n_mails = world.outbox.messages(Some(&email_of(user))).len();
    world.outbox.fail(451, 0);
    world
        .mail(&specialist.email, |mail| {
            mail.message_id.as_deref().is_some_and(|id| id.contains("cancellation"))
        })
        .await;
    assert_eq!(
        world.outbox.messages(Some(&email_of(user))).len(),
        n_mails,
        "nobody to write to"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_identity_provider_there_is_nobody_to_ask() {
    let world = World::new(Kind::Sqlite).await;
    let user = client(&world.database.db, &[]).await;
    assert_eq!(delete_account(&world, user).await, Marked::Done);
    until_erased(&world, user).await;
    assert_eq!(to_the_end(&world, user).await, Some(Identity::NoProvider));
    // Whom nobody has seen may leave as well, and is not seen ever after.
    let stranger = UserId(Uuid::new_v4());
    assert_eq!(delete_account(&world, stranger).await, Marked::Done);
    assert!(row(&world, stranger).await.deleted_at.is_some());
    to_the_end(&world, stranger).await;
}

#[tokio::test]
async fn only_word_about_the_user_is_word_of_the_user() {
    let identity = IdentityService::start().await;
    let provider = IdentityProvider::new(&identity.realm).unwrap();
    let (known, unknown) = (UserId(Uuid::new_v4()), UserId(Uuid::new_v4()));
    identity.add(known);
    identity.hide(true);
    let hidden = provider.delete(known).await.unwrap_err();
    assert!(matches!(hidden, IdentityError::Refused(_)), "a proxy's 404: {hidden}");
    identity.hide(false);
    assert!(identity.knows(known));
    // Restarted with other keys: the first attempt learns of it, the second has a fresh token.
    identity.forget_tokens();
    assert!(matches!(provider.delete(known).await, Err(IdentityError::Refused(_))));
    provider.delete(known).await.unwrap();
    assert!(!identity.knows(known));
    provider.delete(known).await.expect("twice is once");
    provider
        .delete(unknown)
        .await
        .expect("whom it never knew it has forgotten");
    let tokens = identity.calls().iter().filter(|call| *call == "token").count();
    assert_eq!(tokens, 2, "a token is kept: {:?}", identity.calls());
    for status in [500, 503, 409, 429, 401, 403] {
        identity.answer(Some(status));
        assert!(provider.delete(known).await.is_err(), "{status}");
    }
    let nobody = IdentityProvider::new(&activities::accounts::identity::Realm {
        url: "http://127.0.0.1:1/realms/aroti".parse().unwrap(),
        ..identity.realm.clone()
    });
    let away = nobody.unwrap().delete(known).await.unwrap_err();
    assert!(matches!(away, IdentityError::Unavailable(_)));
    assert!(!away.to_string().contains(&known.to_string()), "{away}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_begun_is_carried_through_without_a_name() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let (world, _identity, user) = known(kind).await;
        let specialist = world.specialist().create().await;
        let starts_at = in_days(1);
        let mut wanted = booking(user, "k", specialist.id, starts_at);
        wanted.notes = Some(note(&world, user, "a most private note").await);
        let session = wanted.session;
        assert!(matches!(book(&world, wanted).await, Answer::Done(_)));
        world.until_event(session, "confirmation_mail:sent", 2).await;
        let begun = now().until(starts_at.plus_minutes(10));
        world.skip(session, Some(begun)).await;
        until("it has begun by its own clock", async || {
            amend(&world, session, note(&world, user, "another private note").await).await;
            let noted = world.times(session, "notes:changed").await;
            noted.last().filter(|at| starts_at < **at).map(drop)
        })
        .await;
        assert_eq!(delete_account(&world, user).await, Marked::Done);
        until_erased(&world, user).await;
        let kept = world.row(session).await.unwrap();
        assert_eq!((kept.status, kept.notes_id), (SessionState::Confirmed, None));
        let found = mentions(&world.database.db, &["private note", "Test Client"]).await;
        assert!(found.is_empty(), "{found:?}");
        // What a request wrote that had been let in before is found by the last look.
        note(&world, user, "a late private note").await;
        world.skip(session, None).await;
        world.until_status(session, SessionState::Completed).await;
        to_the_end(&world, user).await;
        let found = mentions(&world.database.db, &["private note"]).await;
        assert!(found.is_empty(), "{found:?}");
    }
}

async fn set(world: &World, id: SpecialistId, changes: specialist::ActiveModel) {
    let tx = world.database.db.begin_write().await.unwrap();
    specialist::change(&tx, id, changes, now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specialist_leaves_when_nobody_relies_on_them_any_more() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let (world, _identity, client_of_theirs) = known(kind).await;
        let user = client(&world.database.db, &[]).await;
        let specialist = world.specialist().login(user).create().await;
        let refused = Marked::Refused(AccountError::SpecialistActive);
        assert_eq!(delete_account(&world, user).await, refused);
        let wanted = booking(client_of_theirs, "k", specialist.id, in_days(3));
        let session = wanted.session;
        assert!(matches!(book(&world, wanted).await, Answer::Done(_)));
        let inactive = specialist::ActiveModel {
            active: Set(false),
            ..Default::default()
        };
        set(&world, specialist.id, inactive).await;
        assert_eq!(delete_account(&world, user).await, refused, "somebody has a session");
        assert_eq!(row(&world, user).await.deleted_at, None, "nothing is half done");
        cancel(&world, session, Role::Specialist).await;
        world.until_event(session, "cancellation_mail:sent", 2).await;
        assert_eq!(delete_account(&world, user).await, Marked::Done);
        until_erased(&world, user).await;
        let found = specialist::Entity::find_by_id(specialist.id);
        let found = found.one(world.database.db.reader()).await.unwrap().unwrap();
        assert_eq!(
            (found.user_id, found.name.as_str(), found.email.as_str(), found.active),
            (None, "Former specialist", "", false)
        );
        let found = mentions(&world.database.db, &[&specialist.email, "Test Specialist"]).await;
        assert!(found.is_empty(), "{found:?}");
        to_the_end(&world, user).await;
    }
}

#[tokio::test]
async fn a_person_has_twenty_devices_and_a_device_has_one_owner() {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let database = activities::testing::database::TestDatabase::new(kind).await;
        let db = &database.db;
        let (ada, bob) = (client(db, &[]).await, client(db, &[]).await);
        let register = async |user, token: &str, at: Instant| {
            let tx = db.begin_write().await.unwrap();
            let row = device::register(&tx, user, token, device::Platform::Ios, at)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            row
        };
        let begun = now();
        for n in 0..25 {
            register(ada, &format!("token-{n}"), begun.plus_minutes(n)).await;
        }
        let of = async |user| {
            let devices = device::of_user(db.reader(), user).await.unwrap();
            devices.into_iter().map(|device| device.token).collect::<Vec<_>>()
        };
        let newest: Vec<_> = (5..25).map(|n| format!("token-{n}")).collect();
        assert_eq!(of(ada).await, newest);
        let again = register(ada, "token-7", begun.plus_minutes(30)).await;
        assert_eq!(
            (again.created_at, again.last_seen_at),
            (begun.plus_minutes(7), begun.plus_minutes(30))
        );
        let moved = register(bob, "token-7", begun.plus_minutes(31)).await;
        assert_eq!((moved.user_id, moved.created_at), (bob, begun.plus_minutes(31)));
        assert_eq!((of(ada).await.len(), of(bob).await), (19, vec!["token-7".to_owned()]));
        let tx = db.begin_write().await.unwrap();
        device::remove(&tx, ada, "token-7").await.unwrap();
        device::remove_all(&tx, ada).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            (of(ada).await.len(), of(bob).await.len()),
            (0, 1),
            "not somebody else's"
        );
        assert!(session::unclosed_of_client(db.reader(), ada).await.unwrap().is_empty());
    }
}
