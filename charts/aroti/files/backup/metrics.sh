#!/usr/bin/env bash
# metrics.sh: what became of the backups, for Prometheus, at /metrics.txt of METRICS_PORT (9101).
#
# The jobs have ended long before anybody asks: what they left beside the backups is read every BACKUP_METRICS_SECONDS (60).
# What is away is not told, so that its absence is seen.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

live=$BACKUP_SCRATCH/live page=$BACKUP_SCRATCH/page
mkdir -p "$live" "$page" "$BACKUP_SCRATCH/status"
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT
trap 'exit 0' INT TERM

render() {
    local reachable=1
    rclone sync "$BACKUP_TARGET/status" "$BACKUP_SCRATCH/status" --include '*.prom' 2>"$BACKUP_SCRATCH/metrics.log" || {
        # Before the first job there is no such folder.
        [[ $(rclone lsf "$BACKUP_TARGET" 2>/dev/null) != *status/* ]] && rclone lsf "$BACKUP_TARGET" >/dev/null 2>&1 || reachable=0
        rm -f "$BACKUP_SCRATCH/status/"*.prom
    }
    {
        cat "$BACKUP_SCRATCH/status/"*.prom "$live/"*.prom 2>/dev/null || :
        echo "aroti_backup_storage_reachable $reachable"
    } | sort >"$page/metrics.new"
    mv "$page/metrics.new" "$page/metrics.txt"
}

render
# A page that is a file needs a server of files, and rclone is one.
rclone serve http "$page" --read-only --addr ":${METRICS_PORT:-9101}" --dir-cache-time 10ms --poll-interval 0 --ignore-checksum &
server=$!
while kill -0 $server 2>/dev/null; do
    # A signal ends a wait, but no other command.
    sleep "${BACKUP_METRICS_SECONDS:-60}" &
    wait $! || :
    render
done
fail "the server of the page has ended"
