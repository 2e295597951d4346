#!/usr/bin/env bash
# wal-fetch.sh SEGMENT FILE: the restore_command of a server that is being restored.
#
# Ends with 1 where there is no such segment, which is how a recovery ends, and with 255 on any other trouble: the server
# stops then, instead of taking what it has for everything.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

trap 'code=$?; [[ $code == 0 || $code == 1 ]] || exit 255' EXIT
there=$(list "$BACKUP_TARGET/wal" --include "/$1.zst.age" --include "/$1.partial.zst.age") || exit 255
for name in "$1" "$1.partial"; do
    grep -qxF "$name.zst.age" <<<"$there" || continue
    get "$BACKUP_TARGET/wal/$name.zst.age" | decrypt | zstd -q -d >"$2.new" || exit 255
    mv "$2.new" "$2"
    exit 0
done
exit 1
