//! The mails that are kept, in memory and, where a folder is given, as files that a second start reads again.

use super::message::{Envelope, Message};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use tokio::sync::watch;
use uuid::Uuid;

/// Mails that are kept; an older one goes when a new one comes.
pub(super) const KEPT: usize = 5_000;
/// Bytes of mail that are kept, likewise.
pub(super) const KEPT_BYTES: usize = 128 << 20;

/// The lines in front of a kept file that hold its envelope, which the mail itself does not.
const FROM: &str = "X-Outbox-From: ";
const TO: &str = "X-Outbox-To: ";

/// Mails that shall be refused: the next `count`, with `code`, at the end of their data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) count: u32,
    /// Only mails to this address; all without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<String>,
}

/// What the outbox has and what it shall refuse.
pub(super) struct Store {
    kept: watch::Sender<Vec<Message>>,
    faults: Mutex<Vec<Fault>>,
    folder: Option<PathBuf>,
}

impl Store {
    /// An empty store, or one with the mails of `folder`, which is made where it is missing.
    pub(super) fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut kept = match folder {
            Some(folder) => read(folder).with_context(|| format!("cannot read the mails in {}", folder.display()))?,
            None => Vec::new(),
        };
        let folder = folder.map(Path::to_owned);
        evict(&mut kept, folder.as_deref());
        Ok(Self {
            kept: watch::Sender::new(kept),
            faults: Mutex::default(),
            folder,
        })
    }

    /// Keep a mail; it is in its file, where there is a folder, before anybody sees it.
    pub(super) fn keep(&self, envelope: Envelope, raw: &[u8]) -> io::Result<()> {
        let id = Uuid::now_v7();
        if let Some(folder) = &self.folder {
            write(folder, id, &envelope, raw)?;
        }
        let message = Message::parse(id, envelope, raw);
        self.kept.send_modify(|kept| {
            // Mails that arrive together may come here in another order than that of their ids.
            let place = kept.partition_point(|other| other.id < id);
            kept.insert(place, message);
            evict(kept, self.folder.as_deref());
        });
        Ok(())
    }

    /// The mails, oldest first, and word of each change.
    pub(super) fn watch(&self) -> watch::Receiver<Vec<Message>> {
        self.kept.subscribe()
    }

    /// What `look` makes of the mails, oldest first, without a copy of them.
    pub(super) fn with<T>(&self, look: impl FnOnce(&[Message]) -> T) -> T {
        look(&self.kept.borrow())
    }

    /// Forget all mails.
    pub(super) fn clear(&self) {
        self.kept.send_modify(|kept| {
            for message in kept.drain(..) {
                remove(self.folder.as_deref(), message.id);
            }
        });
    }

    /// From now on refuse what `fault` says; it takes the place of another with the same recipient, 0 ends that one.
    pub(super) fn fail(&self, fault: Fault) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|other| other.recipient != fault.recipient);
        if fault.count > 0 {
            faults.push(fault);
        }
    }

    /// The code that a mail to these recipients is to be refused with, if any; uses up one of the count.
    pub(super) fn refusal(&self, to: &[String]) -> Option<u16> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| {
            fault
                .recipient
                .as_ref()
                .is_none_or(|only| to.iter().any(|to| to.eq_ignore_ascii_case(only)))
        })?;
        fault.count = fault.count.saturating_sub(1);
        let code = fault.code;
        faults.retain(|fault| fault.count > 0);
        Some(code)
    }
}

/// Drop the oldest that are too many.
pub(super) fn evict(kept: &mut Vec<Message>, folder: Option<&Path>) {
    let mut bytes: usize = kept.iter().map(|message| message.raw.len()).sum();
    let mut n_evicted = 0;
    for message in kept.iter() {
        // The newest is kept however long it is.
        let n_left = kept.len() - n_evicted;
        if n_left <= 1 || (n_left <= KEPT && bytes <= KEPT_BYTES) {
            break;
        }
        bytes -= message.raw.len();
        n_evicted += 1;
        remove(folder, message.id);
    }
    kept.drain(..n_evicted);
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{id}.eml"))
}

fn write(folder: &Path, id: Uuid, envelope: &Envelope, raw: &[u8]) -> io::Result<()> {
    let mut text = format!("{FROM}{}\r\n", envelope.from).into_bytes();
    for to in &envelope.to {
        text.extend_from_slice(format!("{TO}{to}\r\n").as_bytes());
    }
    text.extend_from_slice(raw);
    // Renamed when it is whole, so that a stop in between leaves no half a mail.
    let unfinished = folder.join(format!("{id}.part"));
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, path(folder, id))
}

fn read(folder: &Path) -> io::Result<Vec<Message>> {
    fs::create_dir_all(folder)?;
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.strip_suffix(".eml"))
            .and_then(|stem| stem.parse::<Uuid>().ok());
        ids.extend(id);
    }
    ids.sort_unstable();
    ids.into_iter()
        .map(|id| {
            let file = fs::read(path(folder, id))?;
            let mut raw = file.as_slice();
            let mut envelope = Envelope::default();
            while let Some(end) = raw.iter().position(|byte| *byte == b'\n') {
                let (line, rest) = raw.split_at(end + 1);
                let line = String::from_utf8_lossy(line);
                match (line.strip_prefix(FROM), line.strip_prefix(TO)) {
                    (Some(from), _) => envelope.from = from.trim_end().to_owned(),
                    (_, Some(to)) => envelope.to.push(to.trim_end().to_owned()),
                    _ => break,
                }
                raw = rest;
            }
            Ok(Message::parse(id, envelope, raw))
        })
        .collect()
}

fn remove(folder: Option<&Path>, id: Uuid) {
    let Some(folder) = folder else { return };
    if let Err(error) = fs::remove_file(path(folder, id)) {
        tracing::warn!(%error, "a mail of the outbox could not be removed");
    }
}
