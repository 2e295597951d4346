#!/usr/bin/env bash
# deploy.sh beside stand-ins of helm and kubectl that write down what they are told: order, waits, secrets, the way back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

helm=${HELM:-$(scripts/tool helm)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin"
cat >"$dir/bin/helm" <<SH
#!/bin/sh
case \$1 in template) exec $helm "\$@" ;; esac
echo "helm \$*" >>$dir/log
SH
cat >"$dir/bin/kubectl" <<SH
#!/bin/sh
echo "kubectl \$*" >>$dir/log
case "\$*" in
"get statefulset"* | "get job"* | "get deployment"*) echo "\$2/one" ;;
"get secret"*) exit 1 ;;
"create -f -") cat >>$dir/made ;;
"rollout status -n \${NEVER_READY-nowhere} "*) exit 1 ;;
esac
SH
chmod +x "$dir"/bin/*
deploy() { PATH=$dir/bin:$PATH SMTP_URL=smtps://mail.example.test ./deploy.sh "$@" 2>"$dir/said"; }
fail() {
    echo "deploy.sh: $*" >&2
    cat "$dir/said" >&2
    exit 1
}
# What happens, as a line of words.
story() { sed -n 's/^helm upgrade --install \([^ ]*\) .*/\1/p; s/^kubectl rollout status -n \([^ ]*\) .*/ready:\1/p; s/^kubectl wait -n \([^ ]*\) .*/done:\1/p' "$dir/log" | xargs; }

# Without secrets it goes no further than what they are kept in.
if deploy install dev; then fail "it installs without secrets"; fi
[[ $(story) == platform-base ]] || fail "without secrets it did: $(story)"

: >"$dir/log"
deploy install dev --make-secrets --tag staging-0123abc || fail "it does not install"
expected='platform-base platform-postgres ready:database done:database platform-redis ready:aroti platform-keycloak ready:keycloak'
expected+=' platform-temporal done:temporal ready:temporal done:temporal ready:temporal aroti ready:aroti ready:aroti'
[[ $(story) == "$expected" ]] || fail "the order was: $(story)"
grep -q 'helm upgrade --install aroti .*image.tag=staging-0123abc' "$dir/log" || fail "the tag was forgotten"
# A password is the same on both sides, and no two are alike.
key() { sed -n "/name: $1,/,/^apiVersion/s/^ *$2: \"\(.*\)\"$/\1/p" "$dir/made"; }
[[ -n $(key keycloak-secret database-password) && $(key keycloak-secret database-password) == "$(key postgres-secret keycloak-password)" ]] || fail "Keycloak's password differs"
[[ $(key temporal-secret database-password) == "$(key postgres-secret temporal-password)" ]] || fail "Temporal's password differs"
[[ $(key temporal-secret ui-client-secret) == "$(key keycloak-secret temporal-ui-secret)" ]] || fail "the Web UI's secret differs"
[[ $(key aroti-backend-secrets KEYCLOAK_CLIENT_SECRET) == "$(key keycloak-secret client-secret)" ]] || fail "the client's secret differs"
[[ $(key aroti-backend-secrets DATABASE_URL) == "postgres://aroti_app:$(key postgres-secret app-password)@"* ]] || fail "the application's password differs"
[[ $(key aroti-backend-secrets MIGRATION_DATABASE_URL) == "postgres://aroti_owner:$(key postgres-secret owner-password)@"* ]] || fail "the owner's password differs"
[[ $(key postgres-secret app-password) != "$(key postgres-secret owner-password)" ]] || fail "two roles have one password"

# It does not go on beside what is not ready.
: >"$dir/log"
if NEVER_READY=keycloak deploy install local; then fail "it goes on without Keycloak"; fi
[[ $(story) == *' platform-keycloak ready:keycloak' ]] || fail "without Keycloak it did: $(story)"

: >"$dir/log"
deploy rollback production --revision 3 || fail "it does not roll back"
grep -q '^helm rollback aroti 3 -n aroti' "$dir/log" || fail "it rolled back something else"
: >"$dir/log"
deploy uninstall production || fail "it does not uninstall"
[[ $(sed -n 's/^helm uninstall \([^ ]*\) .*/\1/p' "$dir/log" | xargs) == 'aroti platform-temporal platform-keycloak platform-redis platform-postgres platform-base' ]] ||
    fail "it was taken away in another order"
if grep -q 'kubectl delete' "$dir/log"; then fail "it took away data unasked"; fi
: >"$dir/log"
deploy install production --dry-run --tag v1.2.3 || fail "its dry run fails"
if grep -qE '^helm (upgrade|install)' "$dir/log" && ! grep -qE -- '--dry-run=server' "$dir/log"; then fail "its dry run changes something"; fi
if grep -qE '^kubectl (create|apply|delete)' "$dir/log"; then fail "its dry run changes something"; fi
