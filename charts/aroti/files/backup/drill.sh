#!/usr/bin/env bash
# drill.sh: restores both kinds of backup into a server of its own, which is thrown away, and verifies what came of it.
#
# First the whole server as of now, from its newest base and the log: how old is the newest thing it knows? Then the newest
# dump, into that server under another name: is everything there that was there? Its outcome is a metric.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

folder=$BACKUP_SCRATCH/drill
stop() {
    stop_restored "$folder" immediate
    rm -rf "$folder"
}
trap 'code=$?; stop; ended $code' EXIT
rm -rf "$folder"

at=$(now)
"$here/restore.sh" server "$folder" latest
start_restored "$folder"
figure "drill_point_seconds $(($(now) - at))"

for database in $BACKUP_DATABASES; do
    "$here/verify.sh" "$database"
    # Every page of every table and index is read, where the extension is at hand.
    if command -v pg_amcheck >/dev/null; then
        pg_amcheck --install-missing --heapallindexed --database="$database" || fail "$database is damaged"
    fi
done
# The log ends with the last transaction that was stored.
last=$(sed -n "s/.*last completed transaction was at log time \(.*\)/\1/p" "$BACKUP_SCRATCH/restored.log" | tail -n 1)
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
