#!/usr/bin/env bash
# redis.sh: a dump of Redis (REDIS_HOST, REDIS_PORT, REDISCLI_AUTH). Nothing in it is needed; it saves a cold start.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

to=$BACKUP_TARGET/redis/$(stamp)
file=$BACKUP_SCRATCH/redis.rdb
redis-cli -h "${REDIS_HOST:?}" -p "${REDIS_PORT:-6379}" ${REDIS_USER:+--user "$REDIS_USER"} --rdb "$file" >"$BACKUP_SCRATCH/redis.log" 2>&1 ||
    fail "$(tail -n 1 "$BACKUP_SCRATCH/redis.log")"
[[ $(head -c 5 "$file") == REDIS ]] || fail "what came is no dump of Redis"
zstd -q <"$file" | encrypt | put "$to/redis.rdb.zst.age"
rm "$file"
put "$to/complete" <<<redis
figure "last_size_bytes{job_name=\"$job\"} $(size "$to")"
