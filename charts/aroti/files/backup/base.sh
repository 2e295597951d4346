#!/usr/bin/env bash
# base.sh: a physical copy of the whole server, from which, with the write-ahead log (wal.sh), it is brought to any moment
# since; and afterwards the end of what is older than it has to be.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

at=$(stamp)
to=$BACKUP_TARGET/base/$at
# The label names the first segment that a restore needs.
segment=$(psql -XAt -d postgres -c "SELECT pg_walfile_name(pg_current_wal_lsn())")
pg_basebackup --pgdata=- --format=tar --wal-method=fetch --checkpoint=fast --label="aroti $at" |
    zstd -q -T0 -3 | encrypt | put "$to/base.tar.zst.age"
put "$to/complete" <<<"$segment"
figure "last_size_bytes{job_name=\"$job\"} $(size "$to")"
say "copied the server as of $at, from segment $segment"

"$here/prune.sh"
