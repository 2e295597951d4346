//! A thousand commands at random, from many people at once, in few slots: every answer is a documented one, and
//! afterwards the database, the engine and the mails agree about everything.

use crate::app::{Answer, Caller, TestApp, hold, hour, in_days};
use activities::testing::{
    auditor::Auditor,
    database::Kind,
    engine::try_skip,
    people::TestSpecialist,
    wait::{PATIENCE, until},
};
use entities::session;
use fastrand::Rng;
use futures::{StreamExt, future::join_all, stream};
use reqwest::{Method, RequestBuilder};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    sync::Mutex,
    time::{Duration, Instant as Moment},
};
use temporalio_client::{WorkflowExecuteUpdateOptions, WorkflowHandle, errors::WorkflowUpdateError, tonic::Code};
use workflows::{
    ids::SessionId,
    sessions::{
        contract::{NoShow, Role, workflow_id},
        state::SessionState,
        workflow::SessionBooking,
    },
    time::Instant,
};

/// As many people act at once.
const AT_ONCE: u64 = 8;
const N_CLIENTS: usize = 12;
/// Within so many days, from the third on, everything takes place.
const DAYS: i64 = 5;
/// Commands aim at so many sessions, those that were booked last: more of them are open, and meet each other.
const N_AIMED_AT: usize = 40;

/// Every answer to a command that is not a yes.
const DOCUMENTED: [(u16, &str); 25] = [
    (403, "insufficient_permissions"),
    (404, "offer_not_found"),
    (404, "series_not_found"),
    (404, "session_not_found"),
    (404, "waitlist_entry_not_found"),
    (409, "already_reviewed"),
    (409, "already_waiting"),
    (409, "client_busy"),
    (409, "slot_taken"),
    (409, "wrong_state"),
    (410, "offer_lapsed"),
    (412, "version_mismatch"),
    (422, "cap_reached"),
    (422, "day_off"),
    (422, "hold_limit"),
    (422, "idempotency_key_reused"),
    (422, "outside_schedule"),
    (422, "past_cutoff"),
    (422, "reschedule_limit"),
    (422, "too_far"),
    (422, "too_soon"),
    (422, "waitlist_limit"),
    (503, "database_unavailable"),
    (503, "engine_unavailable"),
    (503, "outcome_unknown"),
];

/// What is done, and how often of a hundred times.
const COMMANDS: [(Command, u32); 18] = [
    (Command::Book, 17),
    (Command::Hold, 11),
    (Command::Confirm, 9),
    (Command::Move, 11),
    (Command::MoveBySpecialist, 4),
    (Command::MoveAsSeen, 3),
    (Command::Notes, 5),
    (Command::Cancel, 9),
    (Command::CancelBySpecialist, 4),
    (Command::NoShow, 2),
    (Command::Review, 2),
    (Command::Series, 3),
    (Command::CancelSeries, 1),
    (Command::Join, 6),
    (Command::Leave, 2),
    (Command::AnswerOffer, 5),
    (Command::Repeat, 4),
    (Command::Stranger, 2),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Book,
    Hold,
    Confirm,
    Move,
    MoveBySpecialist,
    /// With `If-Match`.
    MoveAsSeen,
    Notes,
    Cancel,
    CancelBySpecialist,
    NoShow,
    Review,
    Series,
    CancelSeries,
    Join,
    Leave,
    AnswerOffer,
    Repeat,
    Stranger,
}

/// What has come to be so far, for later commands to aim at.
#[derive(Default)]
struct Known {
    /// Session, client, specialist.
    sessions: Vec<(String, usize, usize)>,
    /// Client, key, body, and the session that it was answered with.
    requests: Vec<(usize, String, Value, Option<String>)>,
    series: Vec<(String, usize)>,
    places: Vec<(String, usize)>,
    /// How often each command was answered how.
    answers: BTreeMap<String, usize>,
    n_unavailable: usize,
}

struct House<'a> {
    app: &'a TestApp,
    clients: Vec<Caller<'a>>,
    specialists: Vec<(TestSpecialist, Caller<'a>)>,
    known: Mutex<Known>,
}

impl<'a> House<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let clients: Vec<_> = (0..N_CLIENTS).map(|n| app.user(&format!("client{n}"))).collect();
        join_all(clients.iter().map(Caller::sign_in)).await;
        let mut specialists = Vec::new();
        for n in 0..5 {
            let name = format!("specialist{n}");
            let login = app.user(&name);
            login.sign_in().await;
            let builder = app
                .specialist()
                .open("09:00-15:00")
                .sessions(60, 30)
                .login(app.id_of(&name));
            let builder = match n {
                0 => builder,
                1 => builder.buffers(15, 15).reschedules(1440, Some(1)),
                2 => builder.capacity(3),
                3 => builder.zone("Europe/Berlin").max_per_day(3),
                // Too late for the first of the days.
                _ => builder.reschedules(4 * 1440, None).capacity(2).buffers(0, 10),
            };
            specialists.push((builder.create().await, login));
        }
        Self {
            app,
            clients,
            specialists,
            known: Mutex::default(),
        }
    }

    fn know<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap())
    }

    /// A start that is mostly within the hours.
    fn start(&self, rng: &mut Rng) -> Instant {
        let midnight = in_days(3).unix_seconds().div_euclid(86_400) * 86_400;
        let minutes = 24 * 60 * rng.i64(0..DAYS) + 8 * 60 + 30 * (1 + rng.i64(0..13));
        Instant::from_unix_seconds(midnight).plus_minutes(minutes)
    }

    fn session(&self, rng: &mut Rng) -> Option<(String, usize, usize)> {
        self.know(|known| rng.choice(known.sessions.iter().rev().take(N_AIMED_AT)).cloned())
    }

    /// Ask, again when nobody knows, as clients do; the answer is a documented one.
    async fn ask(&self, command: Command, request: impl Fn() -> RequestBuilder) -> Answer {
        let what = format!("an answer to {command:?} other than 503");
        let answer = until(&what, async || {
            let answer = Answer::of(request()).await;
            let said = (answer.status, answer.error());
            assert!(
                answer.status < 300 || DOCUMENTED.contains(&said),
                "{command:?} was answered with {answer:?}"
            );
            if answer.status == 503 {
                self.know(|known| known.n_unavailable += 1);
                return None;
            }
            Some(answer)
        });
        let answer = answer.await;
        let said = format!("{command:?} {} {}", answer.status, answer.error());
        self.know(|known| *known.answers.entry(said).or_default() += 1);
        answer
    }

    async fn book(&self, command: Command, client: usize, key: &str, body: &Value) -> Answer {
        self.ask(command, || {
            let request = self.clients[client].request(Method::POST, "/api/sessions");
            request.header("Idempotency-Key", key).json(body)
        })
        .await
    }

    /// One command; nothing where there is nothing yet to aim at.
    async fn act(&self, rng: &mut Rng, command: Command, key: String) -> Option<()> {
        let (client, specialist) = (rng.usize(0..N_CLIENTS), rng.usize(0..self.specialists.len()));
        match command {
            Command::Book | Command::Hold => {
                let (whose, start) = (&self.specialists[specialist].0, self.start(rng));
                let body = if command == Command::Hold {
                    hold(whose, start)
                } else {
                    hour(whose, start)
                };
                let answer = self.book(command, client, &key, &body).await;
                let id = (answer.status < 300).then(|| answer.id().to_owned());
                self.know(|known| {
                    known.sessions.extend(id.clone().map(|id| (id, client, specialist)));
                    known.requests.push((client, key, body, id));
                });
            }
            Command::Series => {
                let mut body = hour(&self.specialists[specialist].0, self.start(rng));
                let mode = if rng.bool() { "all_or_nothing" } else { "best_effort" };
                body["recurrence"] = json!({"every_weeks": 1, "count": rng.u32(2..=3), "mode": mode});
                let answer = self.book(command, client, &key, &body).await;
                if answer.status < 300 {
                    let ids = answer.body["sessions"].as_array().unwrap().clone();
                    let id = answer.body["series_id"].as_str().unwrap().to_owned();
                    self.know(|known| {
                        let ids = ids.iter().map(|session| session["id"].as_str().unwrap().to_owned());
                        known.sessions.extend(ids.map(|id| (id, client, specialist)));
                        known.series.push((id, client));
                    });
                }
            }
            Command::CancelSeries => {
                let (id, client) = self.know(|known| rng.choice(&known.series).cloned())?;
                let path = format!("/api/series/{id}");
                let request = || self.clients[client].request(Method::DELETE, &path);
                assert_eq!(self.ask(command, request).await.status, 200);
            }
            Command::Join => {
                let start = self.start(rng);
                let length = *rng.choice(&[60, 180, 24 * 60]).unwrap();
                let body = json!({
                    "specialist_id": self.specialists[specialist].0.id, "duration_minutes": 60,
                    "from": start, "to": start.plus_minutes(length),
                });
                let request = || self.clients[client].request(Method::POST, "/api/waitlist").json(&body);
                let answer = self.ask(command, request).await;
                if answer.status < 300 {
                    self.know(|known| known.places.push((answer.id().to_owned(), client)));
                }
            }
            Command::Leave => {
                let (id, client) = self.know(|known| rng.choice(&known.places).cloned())?;
                self.leave(&id, client).await;
            }
            Command::AnswerOffer => self.answer_offer(rng, client).await?,
            Command::Repeat => self.repeat(rng).await?,
            _ => self.command(rng, command).await?,
        }
        Some(())
    }

    async fn leave(&self, id: &str, client: usize) {
        let path = format!("/api/waitlist/{id}");
        let request = || self.clients[client].request(Method::DELETE, &path);
        let answer = self.ask(Command::Leave, request).await;
        assert!([200, 409].contains(&answer.status), "{answer:?}");
    }

    /// The same key: with the same body the same session, with another one a refusal.
    async fn repeat(&self, rng: &mut Rng) -> Option<()> {
        let (client, key, mut body, booked) = self.know(|known| rng.choice(&known.requests).cloned())?;
        let other = rng.u32(0..4) == 0;
        if other {
            body["notes"] = json!("something else");
        }
        let answer = self.book(Command::Repeat, client, &key, &body).await;
        match booked {
            Some(_) if other => assert_eq!(answer.error(), "idempotency_key_reused", "{answer:?}"),
            Some(id) => assert_eq!(answer.id(), id, "{answer:?}"),
            // What was refused may be had by now, and is then known like any other.
            None => {
                let specialist = self
                    .specialists
                    .iter()
                    .position(|(whose, _)| body["specialist_id"] == json!(whose.id));
                if answer.status < 300 {
                    self.know(|known| {
                        known
                            .sessions
                            .push((answer.id().to_owned(), client, specialist.unwrap()))
                    });
                }
            }
        }
        Some(())
    }

    /// Take or decline what a client was offered, by the link in the mail or by the session itself.
    async fn answer_offer(&self, rng: &mut Rng, client: usize) -> Option<()> {
        let mails = self.app.outbox.messages(Some(&format!("client{client}@example.test")));
        let offers: Vec<_> = mails
            .into_iter()
            .filter(|mail| mail.message_id.as_deref().is_some_and(|id| id.starts_with("<offer.")))
            .collect();
        let text = rng.choice(&offers)?.text.clone().unwrap();
        let link = text[text.find("/api/offers/")?..].split_whitespace().next()?.to_owned();
        let accept = json!({"accept": rng.u32(0..3) > 0});
        let request = || self.app.request(Method::POST, &link).json(&accept);
        self.ask(Command::AnswerOffer, request).await;
        Some(())
    }

    /// A command to a session that is there.
    async fn command(&self, rng: &mut Rng, command: Command) -> Option<()> {
        let (id, client, specialist) = self.session(rng)?;
        let (client, gives) = (&self.clients[client], &self.specialists[specialist].1);
        let path = format!("/api/sessions/{id}");
        let start = json!({"starts_at": self.start(rng)});
        match command {
            Command::MoveAsSeen => {
                let read = client.get(&path).await;
                assert_eq!(read.status, 200, "{read:?}");
                let etag = read.header("etag").to_owned();
                let request = || {
                    client
                        .request(Method::PUT, &path)
                        .header("If-Match", &etag)
                        .json(&start)
                };
                self.ask(command, request).await;
            }
            Command::Stranger => {
                let stranger = self.app.somebody();
                let verb = rng.choice([Method::GET, Method::PUT, Method::DELETE]).unwrap();
                let request = || match verb {
                    Method::PUT => stranger.request(Method::PUT, &path).json(&start),
                    _ => stranger.request(verb.clone(), &path),
                };
                let answer = self.ask(command, request).await;
                assert_eq!(
                    (answer.status, answer.error()),
                    (404, "session_not_found"),
                    "{answer:?}"
                );
            }
            _ => {
                let notes = json!({"notes": format!("notes {}", rng.u32(..))});
                let request = || match command {
                    Command::Confirm => client.request(Method::POST, &format!("{path}/confirm")),
                    Command::Move => client.request(Method::PUT, &path).json(&start),
                    Command::MoveBySpecialist => gives.request(Method::PUT, &path).json(&start),
                    Command::Notes => client.request(Method::PUT, &path).json(&notes),
                    Command::CancelBySpecialist => gives.request(Method::DELETE, &path),
                    Command::NoShow => gives.request(Method::POST, &format!("{path}/no-show")),
                    Command::Review => {
                        let body = json!({"rating": 4, "text": "good"});
                        client.request(Method::POST, &format!("{path}/review")).json(&body)
                    }
                    _ => client.request(Method::DELETE, &path),
                };
                self.ask(command, request).await;
            }
        }
        Some(())
    }

    /// One of those who act at once.
    async fn actor(&self, seed: u64, actor: u64, n_commands: u64) {
        let mut rng = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(actor));
        let total: u32 = COMMANDS.iter().map(|(_, weight)| weight).sum();
        let mut n = 0;
        while n < n_commands {
            let mut left = rng.u32(0..total);
            let drawn = COMMANDS.iter().find(|(_, weight)| {
                let here = left < *weight;
                left = left.saturating_sub(*weight);
                here
            });
            let command = drawn.unwrap().0;
            if self.act(&mut rng, command, format!("k{actor}-{n}")).await.is_some() {
                n += 1;
            }
        }
    }

    async fn open(&self) -> Vec<session::Model> {
        let rows = session::Entity::find().all(self.app.database.db.reader());
        rows.await
            .unwrap()
            .into_iter()
            .filter(|row| row.closed_at.is_none())
            .collect()
    }

    /// Let the time of whatever is held now run out.
    async fn run_out_holds(&self) {
        let now = Instant::from(std::time::SystemTime::now());
        stream::iter(self.open().await)
            .for_each_concurrent(AT_ONCE as usize, async |row| {
                if let Some(expires_at) = row.hold_expires_at {
                    self.skip(row.id, Some(now.until(expires_at.plus_minutes(1)))).await;
                }
            })
            .await;
    }

    /// Let the time of every session that is open run to its end, and past it.
    async fn run_out(&self, seed: u64) {
        let rows = session::Entity::find()
            .all(self.app.database.db.reader())
            .await
            .unwrap();
        let open = rows.into_iter().filter(|row| row.closed_at.is_none());
        stream::iter(open)
            .for_each_concurrent(AT_ONCE as usize, async |row| {
                let mut rng = Rng::with_seed(seed ^ row.id.0.as_u64_pair().0);
                if row.status == SessionState::Confirmed && rng.u32(0..3) == 0 {
                    self.pause_after_the_end(&mut rng, &row).await;
                }
                self.skip(row.id, None).await;
            })
            .await;
    }

    /// Stop right after the end, and say how it was, or that nobody came, or both.
    async fn pause_after_the_end(&self, rng: &mut Rng, row: &session::Model) {
        let now = Instant::from(std::time::SystemTime::now());
        self.skip(row.id, Some(now.until(row.ends_at.plus_minutes(5)))).await;
        self.app.until_status(row.id, SessionState::Completed).await;
        let commands = rng.u32(0..4);
        let client = (0..N_CLIENTS).find(|n| self.app.id_of(&format!("client{n}")) == row.client_id);
        let review = async {
            if commands > 0 {
                let body = json!({"rating": rng.u32(1..=5), "text": "It was so."});
                let path = format!("/api/sessions/{}/review", row.id);
                let request = || self.clients[client.unwrap()].request(Method::POST, &path).json(&body);
                let answer = self.ask(Command::Review, request).await;
                assert!([201, 409].contains(&answer.status), "{answer:?}");
            }
        };
        let no_show = async {
            if commands < 2 {
                self.no_show(row.id).await;
            }
        };
        futures::future::join(review, no_show).await;
    }

    /// By the engine itself: over HTTP a command lives for two minutes of the session's time, which has run ahead.
    async fn no_show(&self, id: SessionId) {
        let run: WorkflowHandle<_, SessionBooking> = self.app.engine.get_workflow_handle(workflow_id(id));
        let command = NoShow {
            role: Role::Specialist,
            actor: None,
            not_after: in_days(400),
            request_id: None,
        };
        let options = WorkflowExecuteUpdateOptions::builder().build();
        match run.execute_update(SessionBooking::no_show, command, options).await {
            Ok(_) | Err(WorkflowUpdateError::NotFound(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn skip(&self, id: SessionId, ahead: Option<Duration>) {
        until("its time can be skipped", async || {
            match try_skip(&self.app.engine, &workflow_id(id), ahead).await {
                Ok(()) => Some(()),
                // It has ended meanwhile.
                Err(status) => (status.code() == Code::NotFound).then_some(()),
            }
        })
        .await;
    }
}

/// `AUDIT_SEED` gives the seed of a run that failed. Who is faster is not in it.
fn seed() -> u64 {
    env::var("AUDIT_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

async fn run(kind: Kind, n_commands: u64) {
    let seed = seed();
    eprintln!("{n_commands} commands on {kind}: AUDIT_SEED={seed}");
    let app = TestApp::new(kind).await;
    let house = House::new(&app).await;
    let began = Moment::now();
    join_all((0..AT_ONCE).map(|actor| {
        let share = n_commands / AT_ONCE + u64::from(actor < n_commands % AT_ONCE);
        house.actor(seed, actor, share)
    }))
    .await;
    let acted = began.elapsed();
    let report = Auditor::new(&app).settled(PATIENCE).await;
    house.know(|known| {
        eprintln!(
            "{kind}: {n_commands} commands in {acted:.1?}, audited after {:.1?}",
            began.elapsed()
        );
        eprintln!("{kind}: {} times 503; {:?}", known.n_unavailable, known.answers);
    });
    eprintln!("{kind}: {report}");
    report.assert_clean();

    // What is held and what is offered lapses, and is offered to others.
    house.run_out_holds().await;
    let report = Auditor::new(&app).settled(PATIENCE).await;
    eprintln!("{kind}: holds over after {:.1?}: {report}", began.elapsed());
    report.assert_clean();

    // Nobody waits any more, so that what becomes free stays free.
    let places = house.know(|known| known.places.clone());
    for (id, client) in places {
        house.leave(&id, client).await;
    }
    house.run_out(seed).await;
    let report = Auditor::new(&app).ended(PATIENCE).await;
    eprintln!("{kind}: everything over after {:.1?}: {report}", began.elapsed());
    report.assert_clean();
    assert_eq!(report.n_running, 0, "{report}");
    for state in ["held", "confirmed"] {
        assert!(!report.sessions.contains_key(state), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_commands_leave_nothing_that_does_not_agree() {
    run(Kind::Postgres, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_a_hundred_and_fifty_on_the_other_database() {
    run(Kind::Sqlite, 150).await;
}
