#!/bin/sh
# Waits for PostgreSQL, then makes roles, databases and grants; PG*, SQL (the folder) and the variables of roles.sql.
set -eu

tries=150
until psql -XAtqd postgres -c 'select 1' >/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 2
done
psql -Xqd postgres -f "$SQL/roles.sql"
psql -Xqd aroti -f "$SQL/grants.sql"
echo 'roles, databases and grants are as they should be'
