#!/usr/bin/env bash
# restore.sh: brings back what was lost. With BACKUP_TARGET set to the second region it restores from there.
#
#   restore.sh list                          what there is
#   restore.sh dump [TIME|latest] [DATABASE…]   dumps into the server of PGHOST; a database that is there is kept under
#                                            another name. Then the roles, as far as they are missing, and the counts
#   restore.sh server FOLDER [MOMENT|latest]    the whole server as of MOMENT (2026-11-21T12:00:00Z) into an empty folder, for
#                                            a PostgreSQL of the same major version to be started on; it replays the log then
#   restore.sh recover FOLDER [MOMENT|latest]   that, and replays the log here and verifies what came of it, so that a server
#                                            which knows nothing of backups can be started on it; what was there is kept
#   restore.sh redis FOLDER [TIME|latest]    Redis' dump into its folder, while it is stopped; what was there is kept
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

pick() { # KIND [TIME]
    local at=${2:-latest} all
    # A storage that does not answer is something else than an empty one.
    all=$(completed "$1") || fail "$BACKUP_TARGET cannot be read"
    [[ -n $all ]] || fail "there is no complete $1 below $BACKUP_TARGET"
    [[ $at != latest ]] || at=$(tail -n 1 <<<"$all")
    grep -qxF -- "$at" <<<"$all" || fail "there is no complete $1 of $at"
    echo "$at"
}

list_all() {
    local kind at
    for kind in dump base redis; do
        for at in $(completed "$kind"); do
            echo "$kind $at $(size "$BACKUP_TARGET/$kind/$at") bytes"
        done
    done
    echo "wal $(list "$BACKUP_TARGET/wal" --files-only | sed -n '1p;$p' | tr '\n' ' ')"
}

restore_dump() {
    local at from database databases file was
    at=$(pick dump "${1-}")
    from=$BACKUP_TARGET/dump/$at
    databases=("${@:2}")
    [[ ${#databases[@]} -gt 0 ]] || read -ra databases <<<"$(get "$from/complete")"
    # Those that are there already are told of, and that is all.
    get "$from/globals.sql.age" | decrypt >"$BACKUP_SCRATCH/globals.sql"
    # Attributes such as a locked account's are the server's business; so are passwords.
    grep -E '^CREATE ROLE' "$BACKUP_SCRATCH/globals.sql" | while read -r line; do
        psql -Xqd postgres -c "$line" 2>/dev/null || :
    done
    for database in "${databases[@]}"; do
        say "restoring $database as of $at"
        file=$BACKUP_SCRATCH/$database.dump
        get "$from/$database.dump.age" | decrypt >"$file"
        if [[ -n $(psql -XAtqd postgres -v name="$database" <<<"SELECT 1 FROM pg_database WHERE datname = :'name'") ]]; then
            was=${database}_until_$(stamp)
            say "$database is there, and is called $was from now on"
            psql -Xqd postgres -v ON_ERROR_STOP=1 -v name="$database" -v was="$was" >/dev/null <<'SQL'
ALTER DATABASE :"name" WITH ALLOW_CONNECTIONS false;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name';
ALTER DATABASE :"name" RENAME TO :"was";
SQL
        fi
        # --create brings the owner, the encoding and the grants of the database itself.
        pg_restore --exit-on-error --create --dbname=postgres "$file" --section=pre-data
        pg_restore --exit-on-error --dbname="$database" --jobs="${BACKUP_JOBS:-2}" --section=data --section=post-data "$file"
        psql -Xqd "$database" -c 'ANALYZE'
        rm "$file"
        get "$from/$database.counts.age" | decrypt >"$BACKUP_SCRATCH/$database.counts"
        "$here/verify.sh" "$database" "$BACKUP_SCRATCH/$database.counts"
    done
}

forget_recovery() { sed -i '/^restore_command = /d; /^recovery_target/d' "$1/postgresql.auto.conf"; }

restore_server() {
    local folder=${1:?"is the folder"} moment=${2:-latest} base='' at label
    mkdir -p "$folder"
    [[ -z $(find "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit) ]] || fail "$folder is not empty"
    if [[ $moment == latest ]]; then
        base=$(pick base)
    else
        # A base is of use from its end on, which is when `complete` was written; its name is when it began.
        label=$(date -u -d "$moment" +%Y%m%dT%H%M%SZ) || fail "$moment is no moment"
        for at in $(completed base); do
            [[ $at < $label ]] && base=$at
        done
        [[ -n $base ]] || fail "no base is older than $moment"
    fi
    say "unpacking the base of $base"
    get "$BACKUP_TARGET/base/$base/base.tar.zst.age" | decrypt | zstd -q -d | tar -xf - -C "$folder"
    chmod 700 "$folder"
    command -v pg_verifybackup >/dev/null && pg_verifybackup --quiet --no-parse-wal "$folder"
    # A server that was restored once may still say until when.
    forget_recovery "$folder"
    cat >>"$folder/postgresql.auto.conf" <<CONF
restore_command = '"$here/wal-fetch.sh" "%f" "%p"'
recovery_target_action = 'promote'
recovery_target_timeline = 'latest'
CONF
    if [[ $moment != latest ]]; then
        echo "recovery_target_time = '$(date -u -d "$moment" '+%Y-%m-%d %H:%M:%S.%6N+00')'" >>"$folder/postgresql.auto.conf"
    fi
    touch "$folder/recovery.signal"
    say "start PostgreSQL on $folder; it replays the log until $moment"
}

recover_server() {
    local folder=$1 database was
    if [[ -d $folder && -n $(find "$folder" -mindepth 1 -maxdepth 1 -print -quit) ]]; then
        was=$folder-until-$(stamp)
        mv "$folder" "$was"
        say "$folder was not empty, and is $was from now on"
    fi
    restore_server "$@"
    trap 'stop_restored "$folder" fast' EXIT
    start_restored "$folder"
    for database in $BACKUP_DATABASES; do "$here/verify.sh" "$database"; done
    stop_restored "$folder" fast
    trap - EXIT
    # What it was told for this is not for those who come.
    rm "$folder"/restored.{conf,hba}
    forget_recovery "$folder"
    say "$folder can be started"
}

# Redis with a log (appendonly) looks at the log alone, and never at dump.rdb. The log is a folder whose manifest names a base,
# which is a dump, and what came after it; since Redis 7. So the dump becomes the base of a log of its own, and no server is
# needed: the programs here may be older than the server, and would not read its dump.
restore_redis() {
    local folder=${1:?"is the folder"} at log was
    [[ -d $folder ]] || fail "$folder is no folder"
    at=$(pick redis "${2-}")
    log=$folder/appendonlydir
    rm -rf "$log.new"
    mkdir "$log.new"
    get "$BACKUP_TARGET/redis/$at/redis.rdb.zst.age" | decrypt | zstd -q -d >"$log.new/appendonly.aof.1.base.rdb"
    [[ $(head -c 5 "$log.new/appendonly.aof.1.base.rdb") == REDIS ]] || fail "what is stored is no dump of Redis"
    echo 'file appendonly.aof.1.base.rdb seq 1 type b' >"$log.new/appendonly.aof.manifest"
    if [[ -e $log ]]; then
        was=$log-until-$(stamp)
        mv "$log" "$was"
        say "$log was there, and is $was from now on"
    fi
    mv "$log.new" "$log"
    say "Redis can be started on $folder: it has what it had as of $at"
}

case ${1-} in
list) list_all ;;
dump) shift && restore_dump "$@" ;;
server) shift && restore_server "$@" ;;
recover) shift && recover_server "$@" ;;
redis) shift && restore_redis "$@" ;;
*) sed -n '2,/^#  *restore.sh redis/s/^# \{0,1\}//p' "$0" >&2 && exit 64 ;;
esac
