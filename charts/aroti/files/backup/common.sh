# shellcheck shell=bash
# What every script here shares; it is sourced, not run.
#
# Where backups lie: a target is a folder, or what rclone calls a remote (`primary:bucket/prefix`), which the environment
# describes (RCLONE_CONFIG_PRIMARY_TYPE=s3, …_ENDPOINT, …). Every object is compressed and encrypted with age before it
# leaves the pod: whoever makes backups has public keys only, and cannot read them.
#
#   <target>/dump/<time>/<database>.dump.age  <database>.counts.age  globals.sql.age  complete
#   <target>/base/<time>/base.tar.zst.age  complete
#   <target>/wal/<segment>.zst.age, <segment>.partial.zst.age
#   <target>/redis/<time>/redis.rdb.zst.age  complete
#   <target>/status/<job>.prom
#
# A backup without its object `complete`, which is written last, is none.
#
#   BACKUP_TARGET            where backups go
#   BACKUP_COPY              the second region; empty for none
#   BACKUP_RECIPIENTS        public keys of age, separated by spaces
#   BACKUP_IDENTITY_FILE     the private key; only restoring has it
#   BACKUP_SCRATCH           a folder to work in; /scratch
#   BACKUP_DATABASES         which databases are dumped; aroti
#   BACKUP_DUMP_DAYS, BACKUP_POINT_DAYS, BACKUP_REDIS_DAYS   how long each is kept: 30, 7, 7
#   PGHOST, PGPORT, PGUSER, PGPASSWORD, …                    the server, as libpq reads them

set -euo pipefail

: "${BACKUP_TARGET:?says where backups lie}"
BACKUP_COPY=${BACKUP_COPY-}
BACKUP_SCRATCH=${BACKUP_SCRATCH:-/scratch}
BACKUP_DATABASES=${BACKUP_DATABASES:-aroti}
export PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}
# All of rclone's configuration is in the environment. A bucket is made by whoever owns the account, not by us.
export RCLONE_CONFIG=${RCLONE_CONFIG:-/dev/null} RCLONE_S3_NO_CHECK_BUCKET=true
# Whoever calls tries again, and wants to know.
export RCLONE_CONTIMEOUT=10s RCLONE_RETRIES=2 RCLONE_LOW_LEVEL_RETRIES=4
# A stream has no size: 10,000 parts of this many bytes are the most that fit.
export RCLONE_S3_CHUNK_SIZE=${RCLONE_S3_CHUNK_SIZE:-32M} RCLONE_S3_UPLOAD_CONCURRENCY=2 RCLONE_LOG_LEVEL=${RCLONE_LOG_LEVEL:-ERROR}

job=$(basename "$0" .sh)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "$here" # of those who source this

# One JSON object a line, as the other processes write them.
log() { # LEVEL MESSAGE
    local text=${2//\\/\\\\}
    text=${text//\"/\\\"}
    printf '{"timestamp":"%s","level":"%s","service":"backup","target":"%s","message":"%s"}\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$job" "${text//$'\n'/ }" >&2
}
say() { log INFO "$*"; }
fail() {
    log ERROR "$*"
    exit 1
}
now() { date +%s; }
stamp() { date -u +%Y%m%dT%H%M%SZ; }
# A stamp as `date` and PostgreSQL read it.
readable() { sed -E 's/^(....)(..)(..)T(..)(..)(..)Z$/\1-\2-\3T\4:\5:\6Z/' <<<"$1"; }

# --- storage ------------------------------------------------------------------------------------------------------

encrypt() {
    local key arguments=()
    for key in ${BACKUP_RECIPIENTS:?"are the public keys to encrypt for"}; do arguments+=(-r "$key"); done
    age --encrypt "${arguments[@]}"
}
decrypt() { age --decrypt -i "${BACKUP_IDENTITY_FILE:?"is the private key to decrypt with"}"; }
put() { rclone rcat "$1"; } # OBJECT, from standard input
get() { rclone cat "$1"; }  # OBJECT

# completed KIND [TARGET]: the times of the complete backups of that kind, oldest first.
completed() {
    local listed
    listed=$(list "${2:-$BACKUP_TARGET}/$1" --recursive --files-only --include '/*/complete') || return
    sed -n 's|/complete$||p' <<<"$listed" | sort
}
# list FOLDER …: what is in it; a folder that is not there is empty, any other trouble is trouble.
list() {
    local code=0
    rclone lsf "$@" 2>"$BACKUP_SCRATCH/list.log" || code=$?
    case $code in
    0 | 3) ;;
    *) cat "$BACKUP_SCRATCH/list.log" >&2 && return "$code" ;;
    esac
}
newest() { completed "$@" | tail -n 1; }
size() { rclone size --json "$1" | sed -E 's/.*"bytes":([0-9]+).*/\1/'; }

# --- what became of it --------------------------------------------------------------------------------------------

# The outcome lies beside the backups, where the exporter (metrics.sh) finds it: jobs end before anybody could ask them.
began=$(now)
figures=()
figure() { figures+=("aroti_backup_$1"); } # NAME{LABELS} VALUE

report() { # ok | failed
    local at last_ok=0 last_failed=0 before
    at=$(now)
    before=$(get "$BACKUP_TARGET/status/$job.prom" 2>/dev/null) || before=
    last_ok=$(sed -n 's/^aroti_backup_last_success_timestamp_seconds{.*} //p' <<<"$before")
    last_failed=$(sed -n 's/^aroti_backup_last_failure_timestamp_seconds{.*} //p' <<<"$before")
    if [[ $1 == ok ]]; then last_ok=$at; else last_failed=$at; fi
    {
        echo "aroti_backup_last_success_timestamp_seconds{job_name=\"$job\"} ${last_ok:-0}"
        echo "aroti_backup_last_failure_timestamp_seconds{job_name=\"$job\"} ${last_failed:-0}"
        echo "aroti_backup_last_duration_seconds{job_name=\"$job\"} $((at - began))"
        [[ ${#figures[@]} == 0 ]] || printf '%s\n' "${figures[@]}"
    } | put "$BACKUP_TARGET/status/$job.prom"
}

# reported: from here on, the end of the script is reported, whichever it is.
reported() {
    trap 'ended $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
ended() {
    local code=$1
    trap - EXIT
    # shellcheck disable=SC2046  # one word each
    kill $(jobs -p) 2>/dev/null || :
    if ((code == 0)); then
        report ok && say "done in $(($(now) - began)) s" && exit 0
        code=1
    fi
    log ERROR "failed with $code after $(($(now) - began)) s"
    report failed || log ERROR "nor could that be reported"
    exit "$code"
}

# --- counting -----------------------------------------------------------------------------------------------------

# What a database has, as `name<TAB>number` lines: rows of each table, and the rules that guard them. Run by psql.
# shellcheck disable=SC2034  # for those who source this
counting="
SELECT format('SELECT %L || E''\\t'' || count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY 1 \\gexec
SELECT '#constraints of type ' || contype::text || E'\\t' || count(*) FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' GROUP BY contype ORDER BY 1;
SELECT E'#indexes\\t' || count(*) FROM pg_indexes WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema';
SELECT E'#triggers\\t' || count(*) FROM pg_trigger WHERE NOT tgisinternal;
"

# --- a server of our own ------------------------------------------------------------------------------------------

# start_restored FOLDER: starts PostgreSQL on what restore.sh has unpacked, and waits for the end of its recovery. Nobody
# reaches it but this script: it listens to a socket of its own, and libpq is told of no other server.
start_restored() {
    local folder=$1
    socket=$(mktemp -d /tmp/restored.XXXXXX) # a socket's path must be short
    unset PGHOST PGPORT PGPASSWORD PGSSLMODE PGSSLROOTCERT PGSERVICE PGSERVICEFILE PGPASSFILE PGDATABASE
    # Whoever made the server is its superuser.
    export PGHOST=$socket PGUSER=${BACKUP_SUPERUSER:-postgres}
    cat >"$folder/restored.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$socket'
hba_file = '$folder/restored.hba'
hot_standby = off
shared_buffers = 128MB
archive_mode = off
ssl = off
shared_preload_libraries = ''
logging_collector = off
CONF
    echo 'local all all trust' >"$folder/restored.hba"
    # postgresql.auto.conf is read as well: it says how to recover.
    pg_ctl start -D "$folder" -s -w -t "${BACKUP_RECOVERY_SECONDS:-3000}" -l "$BACKUP_SCRATCH/restored.log" \
        -o "-c config_file=$folder/restored.conf" || {
        tail -n 20 "$BACKUP_SCRATCH/restored.log" >&2
        fail "the restored server does not start"
    }
    until [[ $(psql -XAtqd postgres -c 'SELECT pg_is_in_recovery()') == f ]]; do sleep 0.2; done
}
stop_restored() { # FOLDER MODE
    [[ ! -e $1/postmaster.pid ]] || pg_ctl stop -D "$1" -m "$2" -s || :
    rm -rf "${socket:-/nonexistent}"
}
