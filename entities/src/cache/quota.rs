//! Requests of the last minute, counted for all processes together.

use super::{Away, Cache};
use fred::types::scripts::Script;
use std::sync::LazyLock;

/// How often a subject may do something in any such time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whose, of what.
    pub key: String,
    /// How often.
    pub limit: u32,
    /// In how many seconds.
    pub window_seconds: u32,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Whether this one was within it; one that was not does not count.
    pub allowed: bool,
    /// How many more are.
    pub remaining: u32,
    /// Seconds until there are more again.
    pub reset_seconds: u32,
}

/// A hash of counts by half seconds: the sum is in `n`, the oldest count in `from`. A half second counts until all of it
/// has left the window, so no window of that length ever has more than the limit. By the server's clock.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]) * 2
local time = redis.call('TIME')
local now = tonumber(time[1]) * 2 + math.floor(tonumber(time[2]) / 500000)
local head = redis.call('HMGET', KEYS[1], 'n', 'from')
local n, from = tonumber(head[1] or 0), math.min(tonumber(head[2] or now), now)
while n > 0 and from < now do
    local count = redis.call('HGET', KEYS[1], from)
    if count then
        if from >= now - window then break end
        n = n - tonumber(count)
        redis.call('HDEL', KEYS[1], from)
    end
    from = from + 1
end
if n <= 0 then n, from = 0, now end
local allowed = 0
if n < limit then
    allowed, n = 1, n + 1
    redis.call('HINCRBY', KEYS[1], now, 1)
    redis.call('HSET', KEYS[1], 'n', n, 'from', from)
    redis.call('PEXPIRE', KEYS[1], (window + 2) * 500)
end
return {allowed, limit - n, math.min(math.ceil((from + window + 1 - now) / 2), tonumber(ARGV[2]))}
",
    )
});

impl Cache {
    /// Count one more of `quota`; atomic, and one round trip.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn count(&self, quota: &Quota) -> Result<Left, Away> {
        let (key, limit, window) = (quota.key.as_str(), quota.limit, quota.window_seconds);
        let asked = COUNT.evalsha_with_reload(&self.0.client, key, vec![limit, window]);
        let (allowed, remaining, reset_seconds): (u32, i64, u32) = self.ask(asked).await?;
        Ok(Left {
            allowed: allowed == 1,
            // A limit that was lowered may leave less than nothing.
            remaining: u32::try_from(remaining).unwrap_or(0),
            reset_seconds,
        })
    }

    /// Count one more of each, at once: one round trip.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn count_both(&self, one: &Quota, other: &Quota) -> Result<[Left; 2], Away> {
        // Two commands on one connection, sent together; on a cluster they may belong to two servers.
        let (one, other) = tokio::join!(self.count(one), self.count(other));
        Ok([one?, other?])
    }
}
