//! The ports, and whether they are free.

use settings::Vars;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A port on loopback.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// The variable that changes it.
    pub variable: &'static str,
    /// What listens there.
    pub purpose: &'static str,
    /// Its number.
    pub number: u16,
}

impl Port {
    /// The address to listen on or to ask.
    pub fn address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    /// Whether it cannot be listened on.
    pub fn in_use(&self) -> bool {
        TcpListener::bind(self.address()).is_err()
    }
}

/// Every port that `make run` listens on.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// `APP_PORT`: the API; 8888.
    pub app: Port,
    /// `METRICS_PORT`: metrics of the API; 9090.
    pub metrics: Port,
    /// `WORKER_METRICS_PORT`: health and metrics of the worker; 9091.
    pub worker_metrics: Port,
    /// `TEMPORAL_PORT`: the engine; 7233.
    pub temporal: Port,
    /// `TEMPORAL_UI_PORT`: its web page; 8233.
    pub temporal_ui: Port,
    /// `ISSUER_PORT`: the token issuer; 8180.
    pub issuer: Port,
    /// `OUTBOX_SMTP_PORT`: where the outbox gets its mails; 1025.
    pub outbox_smtp: Port,
    /// `OUTBOX_PAGE_PORT`: where it shows them; 8025.
    pub outbox_page: Port,
}

impl Ports {
    /// Read them; two that are equal are a mistake, and one that somebody else listens on is.
    pub fn read(vars: &mut Vars<'_>, in_use: &dyn Fn(&Port) -> bool) -> Self {
        let mut port = |variable, purpose, default| Port {
            variable,
            purpose,
            number: vars.or(variable, default),
        };
        let ports = Self {
            app: port("APP_PORT", "the API", 8888),
            metrics: port("METRICS_PORT", "metrics of the API", 9090),
            worker_metrics: port("WORKER_METRICS_PORT", "metrics of the worker", 9091),
            temporal: port("TEMPORAL_PORT", "Temporal", 7233),
            temporal_ui: port("TEMPORAL_UI_PORT", "the Web UI of Temporal", 8233),
            issuer: port("ISSUER_PORT", "the token issuer", 8180),
            outbox_smtp: port("OUTBOX_SMTP_PORT", "mails to the outbox", 1025),
            outbox_page: port("OUTBOX_PAGE_PORT", "the page of the outbox", 8025),
        };
        let mut seen: Vec<Port> = Vec::new();
        for port in ports.all() {
            let Port {
                variable,
                purpose,
                number,
            } = port;
            if let Some(other) = seen.iter().find(|other| other.number == number) {
                vars.problem(variable, format!("{number} is {} already", other.variable));
            } else if number == 0 {
                vars.problem(variable, "must be a port");
            } else if in_use(&port) {
                let what = "stop what listens there, or set this variable to another port";
                vars.problem(
                    variable,
                    format!("port {number}, meant for {purpose}, is in use: {what}"),
                );
            }
            seen.push(port);
        }
        ports
    }

    fn all(&self) -> [Port; 8] {
        let Self {
            app,
            metrics,
            worker_metrics,
            temporal,
            temporal_ui,
            issuer,
            outbox_smtp,
            outbox_page,
        } = *self;
        [
            app,
            metrics,
            worker_metrics,
            temporal,
            temporal_ui,
            issuer,
            outbox_smtp,
            outbox_page,
        ]
    }
}
