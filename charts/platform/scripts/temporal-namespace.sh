#!/bin/sh
# Makes the namespace of the engine's workflows and registers their search attributes; TEMPORAL_ADDRESS,
# TEMPORAL_NAMESPACE, RETENTION. What is there already stays.
set -eu

tries=150
until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'the engine does not answer' >&2 && exit 1; }
    sleep 2
done

temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
temporal operator namespace update -n "$TEMPORAL_NAMESPACE" --retention "$RETENTION" >/dev/null

# A namespace is known to all of its servers some seconds after it was made.
tries=60
until temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" \
    --name SpecialistId --type Keyword --name ClientId --type Keyword \
    --name SessionStatus --type Keyword --name StartsAt --type Datetime; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 2
done
temporal operator search-attribute list -n "$TEMPORAL_NAMESPACE"
