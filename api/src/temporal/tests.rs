//! What broken connections really leave behind, against something that speaks as much gRPC as a client needs.

use super::{Engine, EngineError};
use poem::{
    Endpoint, EndpointExt, Request, Response, Server,
    endpoint::make,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
};
use settings::Vars;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, copy_bidirectional},
    net::{self, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::Instant,
};
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SessionId, SpecialistId, UserId},
    sessions::{
        contract::{Book, Cancel, Role, ServiceChoice},
        workflow::SessionBooking,
    },
    time::Instant as At,
};

fn engine(address: &str) -> Engine {
    let get = |name: &str| (name == "TEMPORAL_ADDRESS").then(|| address.to_owned());
    let settings = Vars::new(&get)
        .engine(settings::Environment::Development, "bookings")
        .unwrap();
    Engine::new(&settings).unwrap()
}

fn book() -> Book {
    Book {
        flow: 1,
        session: SessionId(Uuid::nil()),
        specialist: SpecialistId(Uuid::nil()),
        client: UserId(Uuid::nil()),
        service: ServiceChoice::Id(ServiceId(Uuid::nil())),
        starts_at: At::from_unix_seconds(0),
        time_zone: None,
        notes: None,
        hold: false,
        request_hash: String::new(),
        not_after: At::from_unix_seconds(0),
        request_id: None,
    }
}

fn cancel() -> Cancel {
    Cancel {
        role: Role::Client,
        actor: None,
        reason: None,
        only_hold: false,
        not_after: At::from_unix_seconds(0),
        request_id: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn booked(engine: &Engine) -> Result<(), EngineError> {
    engine.book(book(), soon()).await.map(drop)
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let engine = engine(&address);
    assert_eq!(booked(&engine).await, Err(EngineError::Unreachable));
    assert_eq!(
        engine
            .command(SessionId(Uuid::nil()), SessionBooking::cancel, cancel(), soon())
            .await,
        Err(EngineError::Unreachable)
    );
    assert!(matches!(
        engine.progress(SessionId(Uuid::nil()), soon()).await,
        Err(EngineError::Unreachable)
    ));
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_command_is_unreachable() {
    let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 64];
            let _ = stream.read(&mut buffer).await;
        }
    });
    assert_eq!(booked(&engine(&address)).await, Err(EngineError::Unreachable));
}

#[tokio::test]
async fn a_server_that_never_says_a_word_is_unreachable_in_time() {
    // Accepted by the kernel, read by nobody: a server that was stopped.
    let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let engine = engine(&address);
    let begun = Instant::now();
    let (one, two) = tokio::join!(booked(&engine), booked(&engine));
    assert_eq!(
        (one, two),
        (Err(EngineError::Unreachable), Err(EngineError::Unreachable))
    );
    assert!(begun.elapsed() < Duration::from_millis(1_900), "{:?}", begun.elapsed());
    drop(listener);
}

#[tokio::test]
async fn a_connection_cut_after_sending_leaves_the_outcome_unknown() {
    let fake = Fake::start(Says::Nothing).await;
    let proxy = Proxy::start(&fake.address).await;
    let engine = engine(&proxy.address);
    let (answer, ()) = tokio::join!(booked(&engine), async {
        fake.asked.notified().await;
        proxy.cut();
    });
    assert_eq!(answer, Err(EngineError::Unknown));
}

#[tokio::test]
async fn a_connection_cut_while_idle_is_made_anew() {
    let fake = Fake::start(Says::Status(14)).await;
    let proxy = Proxy::start(&fake.address).await;
    let engine = engine(&proxy.address);
    engine.linked().await.unwrap();
    proxy.cut();
    // Whether the cut is noticed before the command goes out is not ours to say; a claim that nothing went out must hold.
    let answer = booked(&engine).await;
    let n_sent = fake.commands.load(Ordering::SeqCst);
    assert!(
        answer == Err(EngineError::Unknown) || (answer, n_sent) == (Err(EngineError::Unreachable), 0),
        "{answer:?}"
    );
    assert_eq!(booked(&engine).await, Err(EngineError::Unknown));
    assert_eq!(
        fake.commands.load(Ordering::SeqCst),
        n_sent + 1,
        "the engine is asked again"
    );
}

#[tokio::test]
async fn a_server_gone_after_the_connection_is_unreachable() {
    let fake = Fake::start(Says::Nothing).await;
    let proxy = Proxy::start(&fake.address).await;
    let engine = engine(&proxy.address);
    engine.linked().await.unwrap();
    proxy.stop().await;
    let mut last = booked(&engine).await;
    // The first command may meet the dying connection.
    if last == Err(EngineError::Unknown) {
        last = booked(&engine).await;
    }
    assert_eq!(last, Err(EngineError::Unreachable));
    assert_eq!(fake.commands.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn silence_after_sending_leaves_the_outcome_unknown_in_time() {
    let fake = Fake::start(Says::Nothing).await;
    let engine = engine(&fake.address);
    let begun = Instant::now();
    assert_eq!(booked(&engine).await, Err(EngineError::Unknown));
    assert!(begun.elapsed() < Duration::from_millis(2_200), "{:?}", begun.elapsed());
    assert_eq!(fake.commands.load(Ordering::SeqCst), 1, "sent once, never again");
}

#[tokio::test]
async fn what_the_engine_says_is_believed() {
    for (status, expected) in [
        (3, EngineError::Unreachable), // invalid argument: a search attribute that is not registered
        (7, EngineError::Unreachable), // permission denied
        (8, EngineError::Unreachable), // resource exhausted: limited before it began
        (16, EngineError::Unreachable), // unauthenticated
        (1, EngineError::Unknown),     // cancelled
        (2, EngineError::Unknown),     // unknown
        (4, EngineError::Unknown),     // deadline exceeded
        (10, EngineError::Unknown),    // aborted
        (13, EngineError::Unknown),    // internal
        (14, EngineError::Unknown),    // unavailable: a part of the engine is, after the command came in
    ] {
        let fake = Fake::start(Says::Status(status)).await;
        assert_eq!(booked(&engine(&fake.address)).await, Err(expected), "status {status}");
        assert_eq!(fake.commands.load(Ordering::SeqCst), 1, "status {status}: sent once");
    }
    let fake = Fake::start(Says::Status(5)).await;
    let answer = engine(&fake.address)
        .command(SessionId(Uuid::nil()), SessionBooking::cancel, cancel(), soon())
        .await;
    assert_eq!(answer, Err(EngineError::NoRun));
}

#[tokio::test]
async fn a_proxy_in_between_proves_nothing() {
    let fake = Fake::start(Says::Http(StatusCode::SERVICE_UNAVAILABLE)).await;
    assert_eq!(booked(&engine(&fake.address)).await, Err(EngineError::Unknown));
}

#[tokio::test]
async fn everybody_waits_for_one_connection() {
    let fake = Fake::start(Says::Status(8)).await;
    let engine = engine(&fake.address);
    let linked = futures::future::join_all((0..20).map(|_| engine.linked())).await;
    assert!(linked.iter().all(Result::is_ok));
    assert_eq!(fake.greetings.load(Ordering::SeqCst), 1);
}

#[derive(Clone, Copy)]
enum Says {
    Nothing,
    Status(u8),
    Http(StatusCode),
}

/// Greets like an engine, and answers each command the same way.
struct Fake {
    address: String,
    greetings: Arc<AtomicUsize>,
    commands: Arc<AtomicUsize>,
    asked: Arc<Notify>,
}

impl Fake {
    async fn start(says: Says) -> Self {
        let (greetings, commands) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let asked = Arc::new(Notify::new());
        let endpoint = {
            let (greetings, commands, asked) = (Arc::clone(&greetings), Arc::clone(&commands), Arc::clone(&asked));
            make(move |request: Request| {
                let (greetings, commands, asked) = (Arc::clone(&greetings), Arc::clone(&commands), Arc::clone(&asked));
                async move {
                    if request.uri().path().ends_with("/GetSystemInfo") {
                        greetings.fetch_add(1, Ordering::SeqCst);
                        return grpc().header("grpc-status", "0").body(vec![0; 5]);
                    }
                    let _ = request.into_body().into_bytes().await;
                    commands.fetch_add(1, Ordering::SeqCst);
                    asked.notify_one();
                    match says {
                        Says::Nothing => std::future::pending().await,
                        Says::Status(status) => grpc().header("grpc-status", status.to_string()).finish(),
                        Says::Http(status) => Response::builder().status(status).finish(),
                    }
                }
            })
        };
        let address = serve(endpoint.map_to_response()).await;
        Self {
            address,
            greetings,
            commands,
            asked,
        }
    }
}

fn grpc() -> poem::ResponseBuilder {
    Response::builder().content_type("application/grpc")
}

async fn serve(endpoint: impl Endpoint + 'static) -> String {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = acceptor.local_addr().remove(0).as_socket_addr().unwrap().to_string();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint.boxed()));
    address
}

/// Carries bytes to and fro until it is told not to.
struct Proxy {
    address: String,
    carrying: Arc<Mutex<Vec<JoinHandle<()>>>>,
    listening: JoinHandle<()>,
}

impl Proxy {
    async fn start(target: &str) -> Self {
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let carrying: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let listening = {
            let (carrying, target) = (Arc::clone(&carrying), target.to_owned());
            tokio::spawn(async move {
                loop {
                    let (mut from, _) = listener.accept().await.unwrap();
                    let target = target.clone();
                    let carry = tokio::spawn(async move {
                        let mut to = TcpStream::connect(target).await.unwrap();
                        let _ = copy_bidirectional(&mut from, &mut to).await;
                    });
                    carrying.lock().unwrap().push(carry);
                }
            })
        };
        Self {
            address,
            carrying,
            listening,
        }
    }

    /// Drop the connections there are.
    fn cut(&self) {
        for carry in self.carrying.lock().unwrap().drain(..) {
            carry.abort();
        }
    }

    /// Drop the connections, and take no more.
    async fn stop(self) {
        self.listening.abort();
        let _ = self.listening.await;
        for carry in self.carrying.lock().unwrap().drain(..) {
            carry.abort();
        }
    }
}
