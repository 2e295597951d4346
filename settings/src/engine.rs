use crate::origin::TellsOrigin;
use std::{fs, io, path::PathBuf, sync::Arc};
use telemetry::Secret;
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression, TlsOptions,
    errors::ClientNewError,
};
use url::Url;

/// How to reach the engine.
#[derive(Clone, Debug)]
pub struct Engine {
    /// `TEMPORAL_ADDRESS`: `host:port`, or a URL; `127.0.0.1:7233` in development.
    pub address: Url,
    /// `TEMPORAL_NAMESPACE`; `default`.
    pub namespace: String,
    /// `TEMPORAL_TASK_QUEUE`: the queue of the bookings; `bookings`.
    pub task_queue: String,
    /// `TEMPORAL_TLS_CA`, `TEMPORAL_TLS_CERT`, `TEMPORAL_TLS_KEY`, `TEMPORAL_TLS_SERVER_NAME`.
    pub tls: Tls,
    /// `TEMPORAL_API_KEY`: sent with each call; switches TLS on.
    pub api_key: Option<Secret<String>>,
}

/// How the connection to the engine is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `TEMPORAL_TLS`: whether TLS is spoken at all; also on when the address says `https` or any of the below is set.
    pub on: bool,
    /// A file of trusted roots, PEM.
    pub ca: Option<PathBuf>,
    /// A file with our certificate, PEM.
    pub cert: Option<PathBuf>,
    /// A file with our key, PEM.
    pub key: Option<PathBuf>,
    /// The name to check the server's certificate against.
    pub server_name: Option<String>,
}

/// A client of the engine, whose calls tell the request behind them.
///
/// # Errors
/// What the library does not take.
pub fn client(connection: Connection, namespace: &str) -> Result<Client, ClientNewError> {
    let options = ClientOptions::new(namespace)
        .client_interceptors(vec![Arc::new(TellsOrigin)])
        .build();
    Client::new(connection, options)
}

impl Engine {
    /// What the client of the engine is to connect with; `identity` names the process in the engine's records.
    ///
    /// # Errors
    /// A file of [`Tls`] that cannot be read.
    pub fn connection(&self, identity: &str) -> io::Result<ConnectionOptions> {
        let read = |file: &Option<PathBuf>| file.as_ref().map(fs::read).transpose();
        let tls = if self.tls.on {
            let client = match (read(&self.tls.cert)?, read(&self.tls.key)?) {
                (Some(client_cert), Some(client_private_key)) => Some(
                    ClientTlsOptions::builder()
                        .client_cert(client_cert)
                        .client_private_key(client_private_key)
                        .build(),
                ),
                _ => None,
            };
            let options = TlsOptions::builder()
                .maybe_server_root_ca_cert(read(&self.tls.ca)?)
                .maybe_domain(self.tls.server_name.clone())
                .maybe_client_tls_options(client)
                .build();
            Some(options)
        } else {
            None
        };
        Ok(ConnectionOptions::new(self.address.clone())
            .identity(identity)
            // What is said is small: to pack and unpack it costs both sides more than to carry it.
            .grpc_compression(GrpcCompression::None)
            .maybe_tls_options(tls)
            .maybe_api_key(self.api_key.as_ref().map(|key| key.expose().clone()))
            .build())
    }
}
