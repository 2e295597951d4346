#!/usr/bin/env bash
# dump.sh: a logical backup of each of BACKUP_DATABASES, with what each held at that very moment, and of the roles.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

at=$(stamp)
to=$BACKUP_TARGET/dump/$at
for database in $BACKUP_DATABASES; do
    # The counts must be those of the dump, so both look at one snapshot, which lasts as long as this session does.
    coproc SESSION { psql -XqAt -v ON_ERROR_STOP=1 -d "$database"; }
    session=$SESSION_PID
    echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();" >&"${SESSION[1]}"
    read -r snapshot <&"${SESSION[0]}" || fail "$database cannot be read"
    pg_dump --format=custom --compress=6 --lock-wait-timeout=60s --snapshot="$snapshot" --dbname="$database" |
        encrypt | put "$to/$database.dump.age"
    printf '%s\n\\echo .\n' "$counting" >&"${SESSION[1]}"
    rows=0 counts=
    while read -r line <&"${SESSION[0]}" && [[ $line != . ]]; do
        counts+=$line$'\n'
        [[ $line == \#* ]] || rows=$((rows + ${line##*$'\t'}))
    done
    [[ ${line-} == . ]] || fail "the rows of $database cannot be counted"
    echo '\q' >&"${SESSION[1]}"
    wait "$session"
    encrypt <<<"$counts" | put "$to/$database.counts.age"
    figure "dumped_rows{database=\"$database\"} $rows"
    say "dumped $database: $rows rows"
done
# Who owns what; passwords come from the secrets.
pg_dumpall --globals-only --no-role-passwords | encrypt | put "$to/globals.sql.age"
put "$to/complete" <<<"$BACKUP_DATABASES"
figure "last_size_bytes{job_name=\"$job\"} $(size "$to")"
