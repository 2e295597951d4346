#!/usr/bin/env bash
# wal.sh: receives the write-ahead log as it is written and stores it, for as long as it runs.
#
# A slot makes the server keep what has not arrived here, and a segment leaves the volume of this pod when it is stored.
# The segment being written is stored as well, every BACKUP_PARTIAL_SECONDS (30): that is how much a lost server costs.
# The server needs no archive_command for it, but wal_level=replica, a role with REPLICATION, and a limit to what the slot
# may keep (max_slot_wal_keep_size), so that an archive that is away does not fill its disk.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

slot=${BACKUP_SLOT:-aroti_backup}
folder=$BACKUP_SCRATCH/wal
pause=${BACKUP_PARTIAL_SECONDS:-30}
live=$BACKUP_SCRATCH/live
stored=0 gap=0 receiver='' stopping=''
declare -A partial
mkdir -p "$folder" "$live"

ask() { psql -XAtq -v ON_ERROR_STOP=1 -d postgres -c "$1"; }

# number SEGMENT: its place among all segments, in the order of writing (16 MB each).
number() { echo $((16#${1:8:8} * 256 + 16#${1:16:8})); }

# What the slot holds must follow what is stored, or a restore ends between the two.
look_for_gap() {
    local next last
    compgen -G "$folder/*" >/dev/null && return
    next=$(ask "SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots WHERE slot_name = '$slot'")
    last=$(list "$BACKUP_TARGET/wal" --files-only | grep -E '^[0-9A-F]{24}\.' | cut -c 9-24 | sort | tail -n 1) || return 0
    if ((16#${next:8:8} * 256 + 16#${next:16:8} > 16#${last:0:8} * 256 + 16#${last:8:8} + 1)); then
        log ERROR "segments are missing between ${last} and ${next:8}: moments between them and the next base cannot be restored"
        gap=$(now)
    fi
}

receive() {
    local status
    [[ -n $receiver ]] && kill -0 "$receiver" 2>/dev/null && return
    status=$(ask "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$slot'") || return
    if [[ $status == lost ]]; then
        log ERROR "the server no longer has what the slot $slot waited for: moments before the next base cannot be restored"
        ask "SELECT pg_drop_replication_slot('$slot')" >/dev/null || return
        gap=$(now)
    fi
    # A server that was restored has no slot, and another history from some moment on: what lies here is of the old one.
    if [[ -z $status || $status == lost ]]; then
        rm -f "$folder"/*
        ask "SELECT pg_create_physical_replication_slot('$slot', true)" >/dev/null || return
    fi
    look_for_gap || return
    pg_receivewal --directory="$folder" --slot="$slot" --no-loop --synchronous &
    receiver=$!
}

ship() { # FILE
    zstd -q -c "$1" | encrypt | put "$BACKUP_TARGET/wal/${1##*/}.zst.age"
}

# What is complete, then the segment being written, where it has changed.
store() {
    local file sum
    for file in "$folder"/*; do
        [[ -e $file && $file != *.partial ]] || continue
        ship "$file" || return
        rm -f "$file"
        rclone deletefile "$BACKUP_TARGET/wal/${file##*/}.partial.zst.age" 2>/dev/null || :
    done
    for file in "$folder"/*.partial; do
        # It may be complete by now, and has another name: that one is for the next round.
        sum=$(cksum "$file" 2>/dev/null) || continue
        [[ $sum != "${partial[$file]-}" ]] || continue
        ship "$file" || return
        partial[$file]=$sum
    done
}

# Whether everything that was on the server's disk at LSN has arrived here: what it acknowledges, the slot has let go of.
arrived() { # LSN
    [[ $(ask "SELECT active AND restart_lsn >= '$1' FROM pg_replication_slots WHERE slot_name = '$slot'") == t ]]
}

tell() {
    {
        echo "aroti_backup_wal_stored_timestamp_seconds $stored"
        echo "aroti_backup_wal_gap_timestamp_seconds $gap"
    } >"$live/wal.new" && mv "$live/wal.new" "$live/wal.prom"
}

round() {
    local at lsn
    receive || return
    at=$(now)
    lsn=$(ask "SELECT pg_current_wal_flush_lsn()") || return
    for _ in 1 2 3 4 5; do
        arrived "$lsn" && break
        sleep 1
    done
    if arrived "$lsn"; then
        store && stored=$at
    else
        store && return 1 # what has arrived is stored, but it is not all
    fi
}

# What has arrived is stored before this ends.
stop() {
    stopping=yes
    [[ -z $receiver ]] || kill "$receiver" 2>/dev/null || :
}
trap stop INT TERM
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

# The time of the last success is known to whoever follows this process.
say "receiving by the slot $slot"
until [[ -n $stopping ]]; do
    round || log WARN "not everything is stored; trying again"
    tell
    # A signal ends a wait, but no other command.
    sleep "$pause" &
    wait $! || :
done
[[ -z $receiver ]] || wait "$receiver" || :
store
say "stopped; everything that had arrived is stored"
