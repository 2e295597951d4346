//! Copies of what was read, as encoded bytes.
//!
//! A copy lies in a hash: a key for all that is dropped together, a field for each way to read it. So a specialist is one
//! key, and every page of the list of specialists is a field of one other key, dropped by one command.
//!
//! Who misses a copy takes a lease, which stands in its place, reads the database and replaces the lease by what it read.
//! Dropping a key drops its leases too. So what was read before a change is not kept after it: its lease is gone.
//! Only one of all processes has the lease, so concurrent misses read the database once.
//!
//! A copy begins with its name, which no other copy ever has. One that is long has its name in a field of its own as well:
//! a process that has seen it asks for the name alone, and does not have the same bytes sent again for every request.

use super::{Away, Cache};
use bytes::Bytes;
use fred::{
    interfaces::{HashesInterface, KeysInterface},
    types::{Value, scripts::Script},
};
use std::{
    collections::HashMap,
    mem,
    sync::{Arc, LazyLock, Mutex as Lock, PoisonError},
    time::Duration,
};
use telemetry::metrics::{self, Looked};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use uuid::Uuid;

/// How long a lease is respected: its holder may have died.
const LEASE: Duration = Duration::from_secs(3);
/// How long another process that has the lease is waited for.
const WAIT: Duration = Duration::from_millis(500);
/// How often it is looked, then.
const LOOK: Duration = Duration::from_millis(10);
/// What is longer is not kept, in bytes.
const LONGEST: usize = 256 * 1024;
/// So many fields a key has at most, two for a long copy: beyond, all are dropped.
const MOST: u32 = 1_000;
/// What is no shorter is remembered in the process, in bytes: to send it takes longer than to ask for its name.
const LONG: usize = 4 * 1024;
/// So many bytes are remembered at most: beyond, all are forgotten.
const REMEMBERED: usize = 16 * 1024 * 1024;

/// Where a copy is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What kind of thing is kept there, for those who count.
    what: &'static str,
    key: String,
    field: String,
    keep: Duration,
}

impl Place {
    /// Of a `what`, under `key`, which is what is dropped, as `field`, for `keep` at most.
    #[must_use]
    pub fn new(what: &'static str, key: String, field: impl Into<String>, keep: Duration) -> Self {
        Self {
            what,
            key,
            field: field.into(),
            keep,
        }
    }

    /// The same for the bytes of this release: one of another shape has a field of its own.
    #[must_use]
    pub fn of_release(mut self, release: &str) -> Self {
        self.field = format!("{}@{release}", self.field);
        self
    }

    /// What it is dropped by.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The field that has the name of a long copy.
    fn name_field(&self) -> String {
        format!("{}#", self.field)
    }

    /// Its key and field.
    fn within(&self) -> (String, String) {
        (self.key.clone(), self.field.clone())
    }
}

/// Long copies that this process has seen.
#[derive(Default)]
pub(super) struct Seen(Lock<Bodies>);

#[derive(Default)]
struct Bodies {
    /// By key and field.
    copies: HashMap<(String, String), Copy>,
    bytes: usize,
}

/// A copy as it was kept: who wrote it, and what.
#[derive(Clone)]
struct Copy {
    /// The head of its run, and the token of the lease that it replaced.
    name: Bytes,
    body: Bytes,
}

impl Copy {
    /// What was kept under that head; nothing else is one.
    fn parse(kept: &Bytes, head: &[u8]) -> Option<Self> {
        let rest = kept.strip_prefix(head)?;
        let end = head.len() + rest.iter().position(|byte| *byte == b'\n')?;
        Some(Self {
            name: kept.slice(..end),
            body: kept.slice(end + 1..),
        })
    }
}

impl Seen {
    fn get(&self, place: &Place) -> Option<Copy> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.copies.get(&place.within()).cloned()
    }

    fn keep(&self, place: &Place, copy: &Copy) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *seen;
        seen.bytes += copy.body.len();
        if let Some(before) = seen.copies.insert(place.within(), copy.clone()) {
            seen.bytes -= before.body.len();
        }
        if REMEMBERED < seen.bytes {
            *seen = Bodies::default();
        }
    }
}

/// Reads under way in this process.
#[derive(Default)]
pub(super) struct Flights(Lock<ByPlace>);

/// By key and field.
type ByPlace = HashMap<(String, String), Arc<Mutex<Flight>>>;

/// Those who miss one place, one after the other.
#[derive(Default)]
struct Flight {
    last: Option<Landed>,
    /// The lease of somebody who may have given up: we need not wait for them.
    orphan: String,
}

/// What was read.
struct Landed {
    /// Nothing that was changed, and answered, before then is missing in it.
    fresh_as_of: Instant,
    bytes: Option<Bytes>,
}

/// A place in a flight; the flight ends with the last of them.
struct Seat<'a> {
    flights: &'a Flights,
    place: (String, String),
    flight: Arc<Mutex<Flight>>,
}

impl Flights {
    fn join(&self, place: &Place) -> Seat<'_> {
        let place = place.within();
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = Arc::clone(flights.entry(place.clone()).or_default());
        Seat {
            flights: self,
            place,
            flight,
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Let go before the lock is: of several who leave at once the last one sees that it is.
        drop(mem::take(&mut self.flight));
        let held = flights.get(&self.place).map_or(0, Arc::strong_count);
        if held == 1 {
            flights.remove(&self.place);
        }
    }
}

/// What is found where a copy was missing.
enum Found {
    Copy(Bytes),
    /// The lease is ours, on that run of the server.
    Lease(Arc<str>),
    /// Somebody else reads it right now.
    Taken,
}

/// What tells a copy of this run of the server from one of another, and both from a lease.
fn head(run: &str) -> Vec<u8> {
    format!("C{run}\n").into_bytes()
}

/// Take the lease, unless there is a copy or somebody else's lease.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "
local head, token, orphan, lease, keep, most = unpack(ARGV, 2)
local found = redis.call('HGET', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if found then
    if string.sub(found, 1, #head) == head then return found end
    local expires, holder = string.match(found, '^L(%d+):(.*)$')
    if expires and tonumber(expires) > now and holder ~= orphan then return 'L' end
elseif redis.call('HLEN', KEYS[1]) >= tonumber(most) then
    redis.call('UNLINK', KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('L%.0f:%s', now + tonumber(lease), token))
redis.call('HDEL', KEYS[1], ARGV[1] .. '#')
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], keep) end
return false
",
    )
});

/// Replace our own lease by the copy, and by its name if that is given, or by nothing.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "
local token, copy, name, keep = unpack(ARGV, 2)
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found or string.match(found, '^L%d+:(.*)$') ~= token then return 0 end
if copy == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
else
    local fields = redis.call('HLEN', KEYS[1])
    redis.call('HSET', KEYS[1], ARGV[1], copy)
    if name ~= '' then redis.call('HSET', KEYS[1], ARGV[1] .. '#', name) end
    if fields == 1 then redis.call('PEXPIRE', KEYS[1], keep) end
end
return 1
",
    )
});

impl Cache {
    /// The copy at `place`, or what `load` reads, which is kept there unless it is nothing.
    ///
    /// Whatever was changed and answered before the call is seen. `load` runs at most once, and not at all where others
    /// who came at the same time have read it.
    ///
    /// # Errors
    /// Those of `load`: a Redis that does not answer is none.
    pub async fn read<E>(
        &self,
        place: &Place,
        load: impl Future<Output = Result<Option<Bytes>, E>>,
    ) -> Result<Option<Bytes>, E> {
        let arrived = Instant::now();
        match self.copy(place).await {
            Ok(Some(copy)) => {
                metrics::cache(Looked::Hit, place.what);
                Ok(Some(copy))
            }
            _ => {
                metrics::cache(Looked::Miss, place.what);
                self.fly(place, arrived, true, load).await
            }
        }
    }

    /// What `load` reads, past the copy, which may be out of date, and without keeping it.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn read_past<E>(
        &self,
        place: &Place,
        load: impl Future<Output = Result<Option<Bytes>, E>>,
    ) -> Result<Option<Bytes>, E> {
        self.fly(place, Instant::now(), false, load).await
    }

    /// Take turns with all in this process who miss the same, so that most find it read when it is theirs.
    async fn fly<E>(
        &self,
        place: &Place,
        arrived: Instant,
        keep: bool,
        load: impl Future<Output = Result<Option<Bytes>, E>>,
    ) -> Result<Option<Bytes>, E> {
        let seat = self.0.flights.join(place);
        let mut flight = seat.flight.lock().await;
        if let Some(landed) = &flight.last
            && arrived <= landed.fresh_as_of
        {
            return Ok(landed.bytes.clone());
        }
        let token = Uuid::new_v4().simple().to_string();
        let lease = match keep {
            true => self.lease(place, &token, &mut flight).await,
            false => Err(Away),
        };
        let lease = match lease {
            Ok(Found::Copy(copy)) => return Ok(Some(copy)),
            Ok(Found::Lease(run)) => Some(run),
            Ok(Found::Taken) | Err(Away) => None,
        };
        let began = Instant::now();
        let bytes = load.await?;
        let landing = Instant::now();
        let kept = match lease {
            Some(run) => {
                // From here on the lease may be gone.
                flight.orphan.clear();
                self.land(place, &token, &run, bytes.as_ref()).await.unwrap_or(false)
            }
            None => false,
        };
        flight.last = Some(Landed {
            // The lease was still there after the read: nothing had changed until then.
            fresh_as_of: if kept { landing } else { began },
            bytes: bytes.clone(),
        });
        Ok(bytes)
    }

    /// Drop everything under these keys, and every lease on it.
    ///
    /// # Errors
    /// [`Away`]: some may be left.
    pub async fn drop_copies(&self, keys: impl IntoIterator<Item = String>) -> Result<(), Away> {
        for key in keys {
            self.ask(self.0.client.unlink::<i64, _>(key)).await?;
        }
        Ok(())
    }

    async fn copy(&self, place: &Place) -> Result<Option<Bytes>, Away> {
        let head = head(&self.run()?);
        if let Some(seen) = self.0.seen.get(place) {
            let name = self.0.client.hget(place.key.as_str(), place.name_field());
            let name: Option<Bytes> = self.ask(name).await?;
            if name.is_some_and(|name| name == seen.name && name.starts_with(&head)) {
                return Ok(Some(seen.body));
            }
        }
        let kept = self.0.client.hget(place.key.as_str(), place.field.as_str());
        let kept: Option<Bytes> = self.ask(kept).await?;
        Ok(kept.and_then(|kept| self.body(place, &kept, &head)))
    }

    /// What lies behind the head and the name, if it is ours.
    fn body(&self, place: &Place, kept: &Bytes, head: &[u8]) -> Option<Bytes> {
        let copy = Copy::parse(kept, head)?;
        if LONG <= copy.body.len() {
            self.0.seen.keep(place, &copy);
        }
        Some(copy.body)
    }

    /// Take the lease; somebody else's is waited for, up to a point.
    async fn lease(&self, place: &Place, token: &str, flight: &mut Flight) -> Result<Found, Away> {
        let until = Instant::now() + WAIT;
        let mut orphan = mem::replace(&mut flight.orphan, token.to_owned());
        loop {
            match self.begin(place, token, &orphan).await? {
                Found::Taken if Instant::now() < until => sleep(LOOK).await,
                found => {
                    if let Found::Taken | Found::Copy(_) = found {
                        flight.orphan.clear();
                    }
                    return Ok(found);
                }
            }
            orphan.clear();
        }
    }

    async fn begin(&self, place: &Place, token: &str, orphan: &str) -> Result<Found, Away> {
        let run = self.run()?;
        let head = head(&run);
        let arguments: Vec<Value> = vec![
            place.field.as_str().into(),
            Bytes::from(head.clone()).into(),
            token.into(),
            orphan.into(),
            millis(LEASE).into(),
            millis(place.keep).into(),
            i64::from(MOST).into(),
        ];
        let asked = BEGIN.evalsha_with_reload(&self.0.client, place.key.as_str(), arguments);
        let found: Option<Bytes> = self.ask(asked).await?;
        Ok(match found {
            Some(found) => self.body(place, &found, &head).map_or(Found::Taken, Found::Copy),
            None => Found::Lease(run),
        })
    }

    /// Whether our lease was still there.
    async fn land(&self, place: &Place, token: &str, run: &str, bytes: Option<&Bytes>) -> Result<bool, Away> {
        let (mut copy, mut name) = (Vec::new(), Vec::new());
        if let Some(bytes) = bytes.filter(|bytes| bytes.len() <= LONGEST) {
            copy = head(run);
            copy.extend_from_slice(token.as_bytes());
            if LONG <= bytes.len() {
                name.clone_from(&copy);
            }
            copy.push(b'\n');
            copy.extend_from_slice(bytes);
        }
        let arguments: Vec<Value> = vec![
            place.field.as_str().into(),
            token.into(),
            Bytes::from(copy).into(),
            Bytes::from(name).into(),
            millis(place.keep).into(),
        ];
        let asked = END.evalsha_with_reload(&self.0.client, place.key.as_str(), arguments);
        let ended: i64 = self.ask(asked).await?;
        Ok(ended == 1)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
