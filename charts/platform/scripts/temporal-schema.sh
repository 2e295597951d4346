#!/bin/sh
# Brings both of the engine's schemas to the version of its tools; SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD, the names
# of the databases, and for TLS SQL_TLS, SQL_TLS_CA_FILE. The databases are there already, and empty at first.
set -eu

schema=${SCHEMA:-/etc/temporal/schema/postgresql/v12}

# tool DATABASE COMMAND…
tool() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --endpoint "$SQL_HOST" --port "$SQL_PORT" --user "$SQL_USER" \
        --database "$database" "$@"
}

for of in "$STORE_DATABASE temporal" "$VISIBILITY_DATABASE visibility"; do
    database=${of% *} kind=${of#* }
    # Drops nothing, and leaves alone a version that is there.
    tool "$database" setup-schema -v 0.0
    tool "$database" update-schema --schema-dir "$schema/$kind/versioned"
done
