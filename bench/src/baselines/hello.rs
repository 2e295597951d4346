//! `bench hello`: a bare poem-openapi server, whose answers are as long as asked for.

use poem::{
    Route, Server,
    listener::{Acceptor, Listener, TcpListener},
};
use poem_openapi::{
    Object, OpenApi, OpenApiService,
    param::Query,
    payload::{Json, PlainText},
};
use std::io::Write;

/// A JSON object of one field.
#[derive(Object)]
struct Hello {
    message: String,
}

struct Api;

#[OpenApi]
impl Api {
    /// An object whose text makes the answer `bytes` long.
    #[oai(path = "/hello", method = "get")]
    async fn hello(&self, bytes: Query<usize>) -> Json<Hello> {
        Json(Hello {
            message: "h".repeat(bytes.0.saturating_sub(r#"{"message":""}"#.len())),
        })
    }

    /// So many bytes as they are, which nothing encodes.
    #[oai(path = "/bytes", method = "get")]
    async fn bytes(&self, bytes: Query<usize>) -> PlainText<String> {
        PlainText("h".repeat(bytes.0))
    }
}

/// Serve on a free port, which is printed.
///
/// # Errors
/// When there is none.
pub async fn serve() -> anyhow::Result<()> {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    let address = acceptor.local_addr();
    let port = address
        .iter()
        .find_map(|address| address.as_socket_addr().map(std::net::SocketAddr::port));
    println!("{}", port.unwrap_or_default());
    std::io::stdout().flush()?;
    let service = OpenApiService::new(Api, "hello", "1");
    Server::new_with_acceptor(acceptor)
        .run(Route::new().nest("/", service))
        .await?;
    Ok(())
}
