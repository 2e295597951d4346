//! Commands to one session that race: whatever the order, the outcome is that of one order.

use crate::app::{Answer, Caller, TestApp, hold, hour, in_days};
use activities::testing::{
    auditor::Auditor,
    database::Kind,
    engine::try_skip,
    people::TestSpecialist,
    wait::{PATIENCE, until},
};
use entities::{session, session_event};
use fastrand::Rng;
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::json;
use std::{
    collections::BTreeMap,
    env,
    time::{Duration, Instant as Moment},
};
use temporalio_client::tonic::Code;
use workflows::{
    ids::SessionId,
    sessions::{contract::workflow_id, state::SessionState},
    time::Instant,
};

/// As many rounds run at once.
const AT_ONCE: usize = 6;
/// The hold's ten minutes, and a little.
const PAST_THE_HOLD: Duration = Duration::from_secs(605);

/// What races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Racer {
    Confirm,
    Cancel,
    CancelBySpecialist,
    /// To the start so many minutes later.
    Move(i64),
    MoveBySpecialist(i64),
    Notes,
    /// The time of the hold runs out.
    Expire,
}

const OF_A_HOLD: [Racer; 5] = [
    Racer::Confirm,
    Racer::Cancel,
    Racer::Move(60),
    Racer::Expire,
    Racer::Notes,
];
const OF_A_SESSION: [Racer; 5] = [
    Racer::Cancel,
    Racer::CancelBySpecialist,
    Racer::Move(60),
    Racer::MoveBySpecialist(120),
    Racer::Notes,
];

/// What a racer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done,
    /// And nothing was changed.
    Refused,
    /// Nobody knows, as the 503 says.
    Unknown,
}

struct House<'a> {
    app: &'a TestApp,
    specialists: Vec<(TestSpecialist, Caller<'a>)>,
}

/// One race: who took part with how many milliseconds' delay, and what they were told.
struct Race {
    n: u64,
    was_hold: bool,
    starts_at: Instant,
    session: SessionId,
    outcomes: Vec<(Racer, u64, Told)>,
}

impl House<'_> {
    /// Book something of the round's own, and have some race about it.
    async fn race(&self, seed: u64, n: u64) -> Race {
        let mut rng = Rng::with_seed(seed.wrapping_add(n));
        let client = self.app.somebody();
        let (specialist, gives) = &self.specialists[n as usize % self.specialists.len()];
        let starts_at = in_days(4).plus_minutes(240 * (n as i64 / self.specialists.len() as i64));
        let was_hold = rng.u32(0..10) < 6;
        let (body, all) = if was_hold {
            (hold(specialist, starts_at), OF_A_HOLD)
        } else {
            (hour(specialist, starts_at), OF_A_SESSION)
        };
        let booked = client.book("k", &body).await;
        assert!(booked.status < 300, "round {n}: {booked:?}");
        // A held one may be confirmed first.
        if was_hold && rng.u32(0..6) == 0 {
            assert_eq!(client.confirm(booked.id()).await.status, 200);
        }
        let mut racers = all.to_vec();
        rng.shuffle(&mut racers);
        racers.truncate(rng.usize(2..=all.len()));
        let delays: Vec<_> = racers.iter().map(|_| rng.u64(0..20)).collect();
        let outcomes = join_all(racers.iter().zip(&delays).map(async |(racer, delay)| {
            // Not a wait for anything: who comes how much later is what is tried.
            tokio::time::sleep(Duration::from_millis(*delay)).await;
            let told = self.run(*racer, [&client, gives], booked.id(), starts_at).await;
            (*racer, *delay, told)
        }));
        Race {
            n,
            was_hold,
            starts_at,
            session: booked.session(),
            outcomes: outcomes.await,
        }
    }

    async fn run(&self, racer: Racer, [client, gives]: [&Caller<'_>; 2], id: &str, starts_at: Instant) -> Told {
        let path = format!("/api/sessions/{id}");
        let later = |minutes| json!({"starts_at": starts_at.plus_minutes(minutes)});
        let request = match racer {
            Racer::Confirm => client.request(Method::POST, &format!("{path}/confirm")),
            Racer::Cancel => client.request(Method::DELETE, &path),
            Racer::CancelBySpecialist => gives.request(Method::DELETE, &path),
            Racer::Move(minutes) => client.request(Method::PUT, &path).json(&later(minutes)),
            Racer::MoveBySpecialist(minutes) => gives.request(Method::PUT, &path).json(&later(minutes)),
            Racer::Notes => client
                .request(Method::PUT, &path)
                .json(&json!({"notes": "other notes"})),
            Racer::Expire => return self.expire(id.parse().unwrap()).await,
        };
        let answer = Answer::of(request).await;
        match (answer.status, answer.error()) {
            (200, _) => Told::Done,
            (409, "wrong_state") => Told::Refused,
            // The session's time has run ahead, so that the command has lapsed.
            (503, "engine_unavailable") => Told::Refused,
            (503, "outcome_unknown" | "database_unavailable") => Told::Unknown,
            _ => panic!("{racer:?}: {answer:?}"),
        }
    }

    async fn expire(&self, session: SessionId) -> Told {
        let skipped = until("its time can be skipped", async || {
            match try_skip(&self.app.engine, &workflow_id(session), Some(PAST_THE_HOLD)).await {
                Ok(()) => Some(Told::Done),
                // It has ended already.
                Err(status) if status.code() == Code::NotFound => Some(Told::Refused),
                Err(_) => None,
            }
        });
        skipped.await
    }

    /// The row and its events, once the hold has ended where its time has.
    async fn outcome(&self, race: &Race) -> (session::Model, Vec<session_event::Model>) {
        let expires = race.was_hold && race.told(Racer::Expire) == Some(Told::Done);
        until("the hold has ended", async || {
            let (row, events) = session_event::since(self.app.database.db.reader(), race.session, 0)
                .await
                .unwrap()?;
            (!expires || row.hold_expires_at.is_none()).then_some((row, events))
        })
        .await
    }
}

impl Race {
    fn told(&self, racer: Racer) -> Option<Told> {
        let told = self.outcomes.iter().find(|(other, ..)| *other == racer);
        told.map(|(_, _, told)| *told)
    }

    /// Replay the events as the order in which things happened: each must have been possible when it happened, what was
    /// accepted is among them and what was refused is not, and the row is where they lead.
    fn check(&self, row: &session::Model, events: &[session_event::Model]) {
        let keys: Vec<_> = events.iter().map(|event| event.key.as_str()).collect();
        let clue = || {
            format!(
                "round {}: {:?}, then {} by {keys:?}",
                self.n,
                self.outcomes,
                row.status.as_str()
            )
        };
        let mut state = SessionState::Held;
        let (mut starts_at, mut sequence, mut version) = (self.starts_at, 0, 1);
        let mut n_moves = 0;
        for event in events {
            let is_open = matches!(state, SessionState::Held | SessionState::Confirmed);
            match (event.step.as_str(), event.status.as_str()) {
                ("confirmation", "done") => {
                    assert_eq!(state, SessionState::Held, "{}", clue());
                    state = SessionState::Confirmed;
                }
                ("hold", "confirmed") => {
                    assert_eq!(state, SessionState::Held, "{}", clue());
                    version += 1;
                }
                ("reschedule", "done") => {
                    assert!(is_open, "{}", clue());
                    (sequence, version) = (sequence + i32::from(state == SessionState::Confirmed), version + 1);
                    let detail = event.detail.clone().unwrap();
                    assert!(detail.starts_with(&format!("from {starts_at} to ")), "{}", clue());
                    starts_at = detail.rsplit(' ').next().unwrap().parse().unwrap();
                    n_moves += 1;
                }
                ("notes", "changed") => {
                    assert!(is_open, "{}", clue());
                    version += 1;
                }
                ("cancellation", "done") => {
                    assert!(is_open, "{}", clue());
                    (state, sequence, version) = (SessionState::Cancelled, sequence + 1, version + 1);
                }
                ("hold", "expired") => {
                    assert_eq!(state, SessionState::Held, "{}", clue());
                    (state, version) = (SessionState::Expired, version + 1);
                }
                _ => {}
            }
        }
        let stands = (row.status, row.starts_at, row.sequence, row.version);
        assert_eq!(stands, (state, starts_at, sequence, version), "{}", clue());

        for (racer, happened) in [
            (Racer::Confirm, keys.contains(&"hold:confirmed")),
            (Racer::Cancel, keys.contains(&"cancellation:done")),
            (Racer::CancelBySpecialist, keys.contains(&"cancellation:done")),
            (Racer::Notes, keys.iter().any(|key| key.starts_with("notes:"))),
        ] {
            let told = self.told(racer);
            assert!(
                told != Some(Told::Done) || happened,
                "{racer:?} was accepted: {}",
                clue()
            );
        }
        let counted = |wanted: Told| {
            let moves = self.outcomes.iter().filter(|(racer, _, told)| {
                let moves = matches!(racer, Racer::Move(_) | Racer::MoveBySpecialist(_));
                moves && *told == wanted
            });
            moves.count()
        };
        let (accepted, unknown) = (counted(Told::Done), counted(Told::Unknown));
        assert!((accepted..=accepted + unknown).contains(&n_moves), "{}", clue());
        let nobody = |wanted: &[Racer]| {
            let asked = wanted.iter().filter_map(|racer| self.told(*racer));
            asked.into_iter().all(|told| told == Told::Refused)
        };
        if nobody(&[Racer::Cancel, Racer::CancelBySpecialist]) {
            assert_ne!(row.status, SessionState::Cancelled, "nobody cancelled it: {}", clue());
            if self.told(Racer::Confirm) == Some(Told::Done) {
                assert_eq!(row.status, SessionState::Confirmed, "{}", clue());
            }
        }
        if nobody(&[Racer::Notes]) {
            assert!(row.notes_id.is_none(), "{}", clue());
        }
    }
}

/// `ROUNDS_SEED` gives the seed of a run that failed.
fn seed() -> u64 {
    env::var("ROUNDS_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

async fn rounds(kind: Kind, n_rounds: u64) {
    let seed = seed();
    eprintln!("{n_rounds} rounds on {kind}: ROUNDS_SEED={seed}");
    let began = Moment::now();
    let app = TestApp::new(kind).await;
    let mut specialists = Vec::new();
    for name in ["grace", "heidi", "ivan"] {
        let login = app.user(name);
        login.sign_in().await;
        specialists.push((app.specialist().login(app.id_of(name)).create().await, login));
    }
    let house = House { app: &app, specialists };
    let mut races: Vec<_> = stream::iter((0..n_rounds).map(|n| house.race(seed, n)))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    races.sort_by_key(|race| race.n);
    let mut ends = BTreeMap::<_, usize>::new();
    let mut told = BTreeMap::<_, usize>::new();
    for race in &races {
        let (row, events) = house.outcome(race).await;
        race.check(&row, &events);
        *ends.entry(row.status.as_str()).or_default() += 1;
        for (racer, _, answer) in &race.outcomes {
            *told.entry(format!("{racer:?} {answer:?}")).or_default() += 1;
        }
    }
    let raced = began.elapsed();
    let report = Auditor::new(&app).settled(PATIENCE).await;
    eprintln!(
        "{kind}: raced in {raced:.1?}, audited after {:.1?}: {ends:?}, {told:?}",
        began.elapsed()
    );
    eprintln!("{kind}: {report}");
    report.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_races_end_as_if_there_had_been_an_order() {
    rounds(Kind::Postgres, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_forty_on_the_other_database() {
    rounds(Kind::Sqlite, 40).await;
}
