#!/usr/bin/env bash
# For a developer's Keycloak: letters of the realm `aroti` go to SMTP_HOST:SMTP_PORT, and there is somebody with the role
# `admin` (admin@aroti.localhost, local-only-admin). SERVER, ADMIN_PASSWORD.
set -euo pipefail

kcadm=${KCADM:-/opt/keycloak/bin/kcadm.sh}
config=$(mktemp)
trap 'rm -f "$config"' EXIT
call() { "$kcadm" "$@" --config "$config"; }

call config credentials --server "$SERVER" --realm master --user admin --password "$ADMIN_PASSWORD"
call update realms/aroti -s "smtpServer.host=$SMTP_HOST" -s "smtpServer.port=$SMTP_PORT" \
    -s smtpServer.from=no-reply@aroti.localhost -s smtpServer.starttls=false -s smtpServer.auth=false
if [[ -z $(call get users -r aroti -q username=admin@aroti.localhost -q exact=true --fields id --format csv --noquotes) ]]; then
    call create users -r aroti -s username=admin@aroti.localhost -s email=admin@aroti.localhost -s emailVerified=true \
        -s enabled=true -s firstName=Local -s lastName=Admin
fi
call set-password -r aroti --username admin@aroti.localhost --new-password local-only-admin
call add-roles -r aroti --uusername admin@aroti.localhost --rolename admin
echo 'the realm is set for this machine'
