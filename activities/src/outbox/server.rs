//! Starting, asking and stopping an outbox.

use super::{
    http,
    message::Message,
    smtp,
    store::{Fault, Store},
};
use anyhow::Context;
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

/// A running outbox: an SMTP server that keeps all mails, and a page that shows them.
///
/// Dropping it closes its ports soon; [`Outbox::stop`] waits for that.
pub struct Outbox {
    store: Arc<Store>,
    smtp_addr: SocketAddr,
    page_addr: SocketAddr,
    /// Both servers end when this is dropped.
    stop: watch::Sender<()>,
    smtp: JoinHandle<()>,
    page: JoinHandle<()>,
}

impl Outbox {
    /// An outbox that keeps its mails in memory; port 0 takes a free one.
    ///
    /// # Errors
    /// When one of the addresses cannot be listened on; the error names it.
    pub async fn start(smtp: SocketAddr, page: SocketAddr) -> anyhow::Result<Self> {
        Self::open(None, smtp, page).await
    }

    /// An outbox that also keeps its mails as files in `folder`, made where it is missing, and shows those found there.
    ///
    /// # Errors
    /// As [`Outbox::start`], and when the folder cannot be made or read.
    pub async fn start_in(folder: &Path, smtp: SocketAddr, page: SocketAddr) -> anyhow::Result<Self> {
        Self::open(Some(folder), smtp, page).await
    }

    async fn open(folder: Option<&Path>, smtp: SocketAddr, page: SocketAddr) -> anyhow::Result<Self> {
        let smtp = listen(smtp, "SMTP").await?;
        let page = listen(page, "page").await?;
        let (smtp_addr, page_addr) = (smtp.local_addr()?, page.local_addr()?);
        let folder = folder.map(Path::to_owned);
        let store = Arc::new(spawn_blocking(move || Store::open(folder.as_deref())).await??);
        let stop = watch::Sender::new(());
        Ok(Self {
            smtp: tokio::spawn(smtp::serve(smtp, store.clone(), stop.subscribe())),
            page: tokio::spawn(http::serve(page, store.clone(), stop.subscribe())?),
            store,
            smtp_addr,
            page_addr,
            stop,
        })
    }

    /// Where it receives mails.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp_addr
    }

    /// Where it shows them.
    #[must_use]
    pub fn page_addr(&self) -> SocketAddr {
        self.page_addr
    }

    /// The mails so far, or those to one address, in the order of their arrival.
    #[must_use]
    pub fn messages(&self, to: Option<&str>) -> Vec<Message> {
        self.store.with(|kept| {
            kept.iter()
                .filter(|message| to.is_none_or(|address| message.is_to(address)))
                .cloned()
                .collect()
        })
    }

    /// What `found` finds among the mails so far, in the order of their arrival, as soon as it finds something.
    ///
    /// `None` when it has not within `timeout`. `found` is asked at once and again whenever the mails have changed.
    pub async fn wait_for<T>(&self, timeout: Duration, mut found: impl FnMut(&[Message]) -> Option<T>) -> Option<T> {
        let mut kept = self.store.watch();
        let search = async {
            loop {
                let result = found(&kept.borrow_and_update());
                if result.is_some() {
                    return result;
                }
                kept.changed().await.ok()?;
            }
        };
        tokio::time::timeout(timeout, search).await.ok().flatten()
    }

    /// Forget all mails.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// Refuse the next `count` mails with `code` at the end of their data; 0 ends that.
    pub fn fail(&self, code: u16, count: u32) {
        self.store.fail(Fault {
            code,
            count,
            recipient: None,
        });
    }

    /// Refuse the next `count` mails to `recipient` with `code` at the end of their data; 0 ends that.
    pub fn fail_to(&self, recipient: &str, code: u16, count: u32) {
        self.store.fail(Fault {
            code,
            count,
            recipient: Some(recipient.to_owned()),
        });
    }

    /// Stop; afterwards both ports are free.
    pub async fn stop(self) {
        let Self { stop, smtp, page, .. } = self;
        drop(stop);
        for task in [smtp, page] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a server of the outbox ended by itself");
            }
        }
    }
}

async fn listen(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("the outbox cannot listen on {address} ({what})"))
}
