#!/usr/bin/env bash
# verify.sh DATABASE [COUNTS]: whether a restored database holds what it held, and whether its rules still hold.
#
# COUNTS is what dump.sh counted at the moment of the dump: every table must have as many rows, and there must be as many
# constraints, indexes and triggers. Nothing that this tries stays.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

database=${1:?"is the database"}
ask() { psql -XAtq -v ON_ERROR_STOP=1 -d "$database" "$@"; }

if [[ -n ${2-} ]]; then
    psql -XqAt -v ON_ERROR_STOP=1 -d "$database" <<<"$counting" >"$BACKUP_SCRATCH/counted"
    # The last line of what is expected may be empty.
    if ! difference=$(diff <(grep . "$2" | sort) <(sort "$BACKUP_SCRATCH/counted")); then
        fail "$database is not what it was: $difference"
    fi
    say "$database has what it had: $(grep -c '^[^#]' "$BACKUP_SCRATCH/counted") tables, and the rules of all"
fi

bad=$(ask -c "SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE NOT convalidated
    UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
[[ -z $bad ]] || fail "not valid in $database: $bad"
# Rows that refer to nothing come of a damaged table; a foreign key looks at changes alone.
orphans=$(ask <<'SQL'
SELECT format('SELECT %L WHERE EXISTS (SELECT 1 FROM %s a WHERE ROW(%s) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s b WHERE %s))',
    conname, conrelid::regclass,
    (SELECT string_agg(format('a.%I', attname), ', ') FROM unnest(conkey) k JOIN pg_attribute ON attrelid = conrelid AND attnum = k),
    confrelid::regclass,
    (SELECT string_agg(format('a.%I = b.%I', o.attname, t.attname), ' AND ')
     FROM unnest(conkey, confkey) AS k(o, t)
     JOIN pg_attribute o ON o.attrelid = conrelid AND o.attnum = k.o
     JOIN pg_attribute t ON t.attrelid = confrelid AND t.attnum = k.t))
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 \gexec
SQL
)
[[ -z $orphans ]] || fail "rows of $database refer to nothing: $orphans"

# What must not be possible is tried, and taken back. A session that stands is booked once more under another name.
if [[ -n $(ask -c "SELECT to_regclass('public.session')") && -n $(ask -c "SELECT 1 FROM session LIMIT 1") ]]; then
    said=$(ask 2>&1 <<'SQL' || :
BEGIN;
CREATE TEMP TABLE again ON COMMIT DROP AS SELECT * FROM session WHERE status = 'confirmed' LIMIT 1;
SELECT 'none' WHERE NOT EXISTS (SELECT 1 FROM again);
UPDATE again SET id = gen_random_uuid(), client_id = gen_random_uuid(), seat_group = gen_random_uuid();
INSERT INTO session SELECT * FROM again;
ROLLBACK;
SQL
    )
    [[ $said == *session_specialist_overlap* || $said == none ]] || fail "$database lets a slot be booked twice: $said"
    if [[ -n $(ask -c "SELECT 1 FROM audit LIMIT 1") ]]; then
        said=$(ask -c "BEGIN; DELETE FROM audit WHERE id = (SELECT id FROM audit LIMIT 1); ROLLBACK" 2>&1 || :)
        [[ $said == *ERROR* ]] || fail "$database lets its audit trail be changed"
    fi
fi
say "the rules of $database hold"
