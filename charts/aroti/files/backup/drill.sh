#!/usr/bin/env bash
# drill.sh: restores both kinds of backup into a server of its own, which is thrown away, and verifies what came of it.
#
# First the whole server as of now, from its newest base and the log: how old is the newest thing it knows? Then the newest
# dump, into that server under another name: is everything there that was there? Its outcome is a metric.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

folder=$BACKUP_SCRATCH/drill
socket=$(mktemp -d /tmp/drill.XXXXXX) # a socket's path must be short
stop() {
    [[ ! -e $folder/postmaster.pid ]] || pg_ctl stop -D "$folder" -m immediate -s || :
    rm -rf "$folder" "$socket"
}
trap 'code=$?; stop; ended $code' EXIT
rm -rf "$folder"

# The server of the drill has nothing of the real one but its data. What is in production is none of its business, so libpq
# is told of no other.
unset PGHOST PGPORT PGUSER PGPASSWORD PGSSLMODE PGSERVICE PGSERVICEFILE PGPASSFILE PGSSLROOTCERT PGDATABASE
at=$(now)
"$here/restore.sh" server "$folder" latest
cat >"$folder/drill.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$socket'
hot_standby = off
shared_buffers = 128MB
max_connections = 20
wal_level = minimal
max_wal_senders = 0
archive_mode = off
fsync = off
log_destination = stderr
logging_collector = off
hba_file = '$folder/drill.hba'
CONF
echo 'local all all trust' >"$folder/drill.hba"
# Named on the command line, these are stronger than postgresql.auto.conf, which keeps what says how to recover.
options="-c config_file=$folder/drill.conf -c shared_preload_libraries= -c ssl=off"
pg_ctl start -D "$folder" -s -w -t "${BACKUP_DRILL_SECONDS:-3000}" -l "$BACKUP_SCRATCH/drill.log" -o "$options" || {
    tail -n 20 "$BACKUP_SCRATCH/drill.log" >&2
    fail "the restored server does not start"
}
export PGHOST=$socket
# Whoever made the server is its superuser; the name is in the base.
PGUSER=${BACKUP_SUPERUSER:-postgres}
export PGUSER
until [[ $(psql -XAtqd postgres -c 'SELECT pg_is_in_recovery()') == f ]]; do sleep 0.2; done
figure "drill_point_seconds $(($(now) - at))"

for database in $BACKUP_DATABASES; do
    "$here/verify.sh" "$database"
    # Every page of every table and index is read, where the extension is at hand.
    if command -v pg_amcheck >/dev/null; then
        pg_amcheck --install-missing --heapallindexed --database="$database" || fail "$database is damaged"
    fi
done
# The log ends with the last transaction that was stored.
last=$(sed -n "s/.*last completed transaction was at log time \(.*\)/\1/p" "$BACKUP_SCRATCH/drill.log" | tail -n 1)
last=${last:+$(date -u -d "$last" +%s)}
figure "drill_newest_transaction_timestamp_seconds ${last:-0}"

at=$(now)
dumped=$(newest dump)
"$here/restore.sh" dump "$dumped"
figure "drill_dump_seconds $(($(now) - at))"
figure "drill_dump_timestamp_seconds $(date -u -d "$(readable "$dumped")" +%s)"
for database in $BACKUP_DATABASES; do
    rows=$(awk -F '\t' '!/^#/ { n += $2 } END { print n + 0 }' "$BACKUP_SCRATCH/$database.counts")
    figure "drill_rows{database=\"$database\"} $rows"
done
stop
trap 'ended $?' EXIT
