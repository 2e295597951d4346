#!/usr/bin/env bash
# prune.sh: removes what is older than it has to be, here and in the second region.
#
# The newest backup of a kind stays whatever its age: where none are made any more, time alone must not take the last.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

before() { date -u -d "@$(($(now) - $1 * 86400))" +%Y%m%dT%H%M%SZ; } # DAYS
remove() { # FOLDER
    say "removing $1"
    rclone purge "$1"
}

# older TARGET KIND DAYS: removes complete backups older than that, but the newest.
older() {
    local at limit last
    limit=$(before "$3")
    last=$(newest "$2" "$1")
    for at in $(completed "$2" "$1"); do
        [[ $at < $limit && $at != "$last" ]] || continue
        remove "$1/$2/$at"
    done
}

# abandoned TARGET KIND: what was begun two days ago and never completed.
abandoned() {
    local at limit known
    limit=$(before 2)
    known=$(completed "$2" "$1")
    for at in $(list "$1/$2" --dirs-only | tr -d /); do
        if [[ $at < $limit ]] && ! grep -qxF "$at" <<<"$known"; then remove "$1/$2/$at"; fi
    done
}

# points TARGET: any moment of the last days needs the newest base before it, and every segment since that base.
points() {
    local at limit keep='' segment name
    limit=$(before "${BACKUP_POINT_DAYS:-7}")
    for at in $(completed base "$1"); do
        [[ $at < $limit || -z $keep ]] && keep=$at
    done
    [[ -n $keep ]] || return 0
    for at in $(completed base "$1"); do
        [[ $at < $keep ]] || continue
        remove "$1/base/$at"
    done
    segment=$(get "$1/base/$keep/complete")
    [[ $segment =~ ^[0-9A-F]{24}$ ]] || fail "$1/base/$keep does not name its segment"
    # Of a name the first eight digits are the timeline; the rest is in the order of writing, whatever the timeline.
    for name in $(list "$1/wal" --files-only); do
        [[ $name =~ ^[0-9A-F]{24}\. && ${name:8:16} < ${segment:8} ]] && echo "$name"
    done >"$BACKUP_SCRATCH/old-segments" || :
    [[ -s $BACKUP_SCRATCH/old-segments ]] || return 0
    say "removing $(wc -l <"$BACKUP_SCRATCH/old-segments") segments of $1 before $segment"
    rclone delete "$1/wal" --files-from "$BACKUP_SCRATCH/old-segments"
}

for target in "$BACKUP_TARGET" ${BACKUP_COPY:+"$BACKUP_COPY"}; do
    older "$target" dump "${BACKUP_DUMP_DAYS:-30}"
    older "$target" redis "${BACKUP_REDIS_DAYS:-7}"
    points "$target"
    for kind in dump base redis; do abandoned "$target" "$kind"; done
done
