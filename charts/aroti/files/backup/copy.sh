#!/usr/bin/env bash
# copy.sh: brings what is new to the second region. It deletes nothing there: what is lost here must not be lost there.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
reported

: "${BACKUP_COPY:?"is the second region"}"
# `complete` comes last there as well.
rclone copy "$BACKUP_TARGET" "$BACKUP_COPY" --exclude '/status/**' --exclude '/*/*/complete' --transfers 4
rclone copy "$BACKUP_TARGET" "$BACKUP_COPY" --include '/*/*/complete'
figure "last_size_bytes{job_name=\"$job\"} $(size "$BACKUP_COPY")"
