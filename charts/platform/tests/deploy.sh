#!/usr/bin/env bash
# deploy.sh beside stand-ins of helm and kubectl that write down what they are told: order, waits, secrets, the way back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

helm=${HELM:-$(scripts/tool helm)}
PATH=$PATH:$(dirname "$(scripts/tool age)")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin"
cat >"$dir/bin/helm" <<SH
#!/bin/sh
case \$1 in template) exec $helm "\$@" ;; esac
echo "helm \$*" >>$dir/log
case "\$*" in
"history aroti "*" -o json") echo '[{"revision":4,"status":"deployed"}]' ;;
"get manifest aroti --revision 3 "*)
    for build in \${TARGET-}; do
        printf -- '---\nkind: Deployment\nmetadata:\n  name: of-%s\n  labels:\n    aroti.com/build: "%s"\n' \$build \$build
    done
    ;;
"get manifest "*) exit 1 ;;
esac
SH
cat >"$dir/bin/kubectl" <<SH
#!/bin/sh
echo "kubectl \$*" >>$dir/log
case "\$*" in
"get deployments "*availableReplicas*) printf '%b' "\${FLEETS-}" ;;
"exec "*)
    echo refused >>$dir/refused
    [ "\$(wc -l <$dir/refused)" -gt "\${REFUSED:-0}" ]
    exit
    ;;
"get deployment "*build=*) echo deployment/old ;;
*aroti-backend-bookings*build*) printf '%s\n' \$RUNNING ;;
"get statefulset"* | "get job"* | "get deployment"*) echo "\$2/one" ;;
"get secret"*) exit 1 ;;
"create -f -") cat >>$dir/made ;;
"rollout status -n \${NEVER_READY-nowhere} "*) exit 1 ;;
esac
SH
chmod +x "$dir"/bin/*
given=(SMTP_URL=smtps://mail.example.test)
deploy() { PATH=$dir/bin:$PATH env "${given[@]}" ./deploy.sh "$@" 2>"$dir/said"; }
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

# For backups it makes what can be made: passwords as they are on the other side, and a key whose private half is in a
# file before it is in the cluster. The rest it asks for, all at once, before anything is made.
echo 'backup: { enabled: true }' >"$dir/backed-up.yaml"
echo 'secrets: { source: existing }' >"$dir/existing.yaml"
: >"$dir/log" && : >"$dir/made"
if deploy install dev --values "$dir/backed-up.yaml" --make-secrets; then fail "it makes up keys of a storage"; fi
for name in BACKUP_IDENTITY_FILE RCLONE_CONFIG_{PRIMARY,SECOND}_{ACCESS_KEY_ID,SECRET_ACCESS_KEY}; do
    grep -q "must be set:.* ${name}[ ;]" "$dir/said" || fail "it does not ask for $name"
done
[[ ! -s $dir/made ]] || fail "it made some secrets and not the others"
given+=(DERIVE_KEY=of-the-safe BACKUP_IDENTITY_FILE="$dir/identity" RCLONE_CONFIG_{PRIMARY,SECOND}_ACCESS_KEY_ID=known
    'RCLONE_CONFIG_PRIMARY_SECRET_ACCESS_KEY=a/"b\c' RCLONE_CONFIG_SECOND_SECRET_ACCESS_KEY=second)
deploy install dev --values "$dir/backed-up.yaml" --make-secrets --dry-run || fail "its dry run fails"
grep -q 'not set: none' "$dir/said" || fail "its dry run asks for what is there"
[[ ! -e $dir/identity && ! -s $dir/made ]] || fail "its dry run makes a key"
deploy install dev --values "$dir/backed-up.yaml" --make-secrets || fail "it does not install with backups"
[[ $(key aroti-backup-secrets PGPASSWORD) == "$(key postgres-secret backup-password)" ]] || fail "the password of backups differs"
[[ $(key aroti-backend-secrets DERIVE_KEY) == of-the-safe ]] || fail "it makes another key than that of the safe"
[[ $(key aroti-restore-secrets PGPASSWORD) == "$(key postgres-secret postgres-password)" ]] || fail "the password of restores differs"
[[ $(key aroti-backup-secrets REDISCLI_AUTH) == "$(key redis-secret redis-password)" ]] || fail "Redis' password differs"
[[ $(key aroti-backup-secrets RCLONE_CONFIG_PRIMARY_SECRET_ACCESS_KEY) == 'a/\"b\\c' ]] || fail "the storage's key is not what it was"
[[ $(stat -c %a "$dir/identity") == 600 ]] || fail "others can read the key of the backups"
key aroti-backup-identity identity | age-keygen -y >"$dir/public" || fail "the cluster has no key of age"
[[ $(key aroti-backup-secrets BACKUP_RECIPIENTS) == "$(<"$dir/public")" ]] || fail "backups are encrypted for somebody else"
[[ $(<"$dir/public") == "$(age-keygen -y "$dir/identity")" ]] || fail "the file has another key than the cluster"
if grep -q AGE-SECRET-KEY "$dir/log" "$dir/said"; then fail "it tells the private key"; fi
# What is in the safe is taken as it is, and must be a key that is encrypted for.
cp "$dir/identity" "$dir/before" && : >"$dir/made"
deploy install dev --values "$dir/backed-up.yaml" --make-secrets || fail "it does not take the key that is there"
cmp -s "$dir/identity" "$dir/before" || fail "it wrote over the key of the backups"
printf 'backup: { enabled: true, recipients: [%s] }\n' "$(age-keygen 2>/dev/null | age-keygen -y)" >"$dir/strangers.yaml"
: >"$dir/made"
if deploy install dev --values "$dir/strangers.yaml" --make-secrets; then fail "it takes a key that opens no backup"; fi
grep -q 'could not be restored' "$dir/said" || fail "it refuses a key and does not say why"
[[ ! -s $dir/made ]] || fail "it made secrets beside a key that opens no backup"
# So are addresses of who is paged, and keys of where logs go.
printf '%s\n' 'monitoring: { routes: { enabled: true }, logs: { enabled: true } }' >"$dir/watched.yaml"
: >"$dir/made"
if deploy install dev --values "$dir/watched.yaml" --make-secrets; then fail "it makes up who is paged"; fi
for name in ALERTS_{P1,P2,HEARTBEAT}_URL LOGS_ACCESS_KEY_ID LOGS_SECRET_ACCESS_KEY; do
    grep -q "must be set:.* ${name}[ ;]" "$dir/said" || fail "it does not ask for $name"
done
[[ ! -s $dir/made ]] || fail "it made some secrets and not the others"
given+=(ALERTS_P1_URL=https://page.example/1 ALERTS_P2_URL=https://page.example/2 ALERTS_HEARTBEAT_URL=https://beat.example
    LOGS_ACCESS_KEY_ID=of-the-archive LOGS_SECRET_ACCESS_KEY=secret-of-the-archive)
deploy install dev --values "$dir/watched.yaml" --make-secrets || fail "it does not install with alerts and logs"
[[ $(key aroti-alerts p2) == https://page.example/2 && $(key aroti-alerts heartbeat) == https://beat.example ]] || fail "somebody else is paged"
[[ $(key aroti-logs-archive AWS_SECRET_ACCESS_KEY) == secret-of-the-archive ]] || fail "the archive's key is not what it was"
grep -q 'name: aroti-logs-archive, namespace: monitoring' "$dir/made" || fail "the archive's key is not where logs are collected"
# Passwords of secrets that somebody else makes are not guessed.
if deploy install staging --values "$dir/existing.yaml" --tag staging-0123abc --make-secrets; then fail "it guesses passwords"; fi
grep -q 'shares passwords with database/postgres-secret' "$dir/said" || fail "it does not say whose passwords it lacks"
: >"$dir/log"
if deploy install production --tag latest; then fail "it installs a tag that moves"; fi
[[ -z $(story) ]] || fail "before it refused the engine's values it did: $(story)"

# The version that plays the sessions stays beside the new one, and none that is older; what the values keep is kept.
kept() { sed -n 's/^helm upgrade --install aroti .*workers.bookings.keep=\[\(.*\)\].*/\1/p' "$dir/log"; }
# upgrades RUNNING KEPT [OPTION…]
upgrades() {
    : >"$dir/log"
    RUNNING=$1 deploy upgrade production --part aroti --tag v1.2.3 "${@:3}" || fail "it does not upgrade beside $1"
    [[ $(kept) == "$2" ]] || fail "beside $1 it keeps $(kept)"
}
echo 'workers: { bookings: { keep: [v1.1.7] } }' >"$dir/keep.yaml"
echo 'workers: { bookings: { versioned: false } }' >"$dir/unversioned.yaml"
upgrades '' ''
upgrades 'v1.2.1 v1.2.2' '"v1.2.2"'
upgrades 'v1.2.2 v1.2.3' '"v1.2.2"'
upgrades 'v1.2.3' ''
upgrades 'v1.1.7 v1.2.2' '"v1.1.7","v1.2.2"' --values "$dir/keep.yaml"
upgrades 'v1.1.7' '' --values "$dir/keep.yaml"
upgrades 'v1.2.2' '' --values "$dir/unversioned.yaml"

# It does not go on beside what is not ready.
: >"$dir/log"
if NEVER_READY=keycloak deploy install local; then fail "it goes on without Keycloak"; fi
[[ $(story) == *' platform-keycloak ready:keycloak' ]] || fail "without Keycloak it did: $(story)"

# Back: the engine sends bookings to the old workers before the new ones are taken away. Where none of the old ones is
# ready, the new ones stay until there is; and the chart's job, which would not wait for them, is left out. The job that
# went forward is ended before.
way_back() {
    sed -n 's/^kubectl delete job aroti-backend-rollout -n aroti .*/stop/p
        s/^helm rollback aroti 3 -n aroti --timeout [^ ]*/back/p
        s/^kubectl exec -n aroti .* deployment\/\(.*\) -c worker -- worker rollout current \([^ ]*\) .*/\1=\2/p
        s/^kubectl annotate deployment \([^ ]*\) .*resource-policy=keep/keep:\1/p
        s/^kubectl delete deployment \([^ ]*\) -n aroti/gone:\1/p
        s/^kubectl rollout status .*/ready/p' "$dir/log" | xargs
}
# goes_back TARGET FLEETS STORY [NAME=VALUE…]: the versions of revision 3, and what runs: name, version, ready ones.
goes_back() {
    : >"$dir/log" && : >"$dir/refused"
    if ! (export TARGET=$1 FLEETS=$2 "${@:4}" && deploy rollback production --part aroti); then fail "it does not go back to $1"; fi
    # Two more are the wait for all of it, which is always the end.
    [[ $(way_back) == "$3 ready ready" ]] || fail "back to $1 beside $2 it did: $(way_back)"
}
new='of-v2 v2 3\n'
goes_back v1 "of-v1 v1 1\n$new" 'stop of-v1=v1 back'
goes_back v1 "$new" 'stop keep:of-v2 back --no-hooks ready of-v1=v1 gone:of-v2'
goes_back v1 "of-v1 v1 \n$new" 'stop keep:of-v2 back --no-hooks ready of-v1=v1 gone:of-v2'
# What that revision has beside its own version is helm's business.
goes_back 'v1 v0' "of-v0 v0 1\n$new" 'stop keep:of-v2 back --no-hooks ready of-v1=v1 gone:of-v2'
# The engine does not answer, and does later.
goes_back v1 "of-v1 v1 1\n$new" 'stop of-v1=v1 keep:of-v2 back --no-hooks ready of-v1=v1 gone:of-v2' REFUSED=1
# No versions: nothing but the way back.
goes_back '' '' 'back'
# It does not say that it went well, nor take the new workers away, where nobody made the old ones current.
: >"$dir/log" && : >"$dir/refused"
if TARGET=v1 FLEETS=$new REFUSED=9 deploy rollback production; then fail "it goes back, and nobody books"; fi
[[ $(way_back) == 'stop keep:of-v2 back --no-hooks ready of-v1=v1' ]] || fail "without an answer it did: $(way_back)"
grep -q 'v1 is not current.*kubectl delete deployment -n aroti of-v2' "$dir/said" || fail "it does not say what is left to do"
: >"$dir/log" && : >"$dir/refused"
if TARGET=v1 FLEETS=$new NEVER_READY=aroti deploy rollback production; then fail "it goes back to what is not ready"; fi
[[ $(way_back) == 'stop keep:of-v2 back --no-hooks ready' ]] || fail "without workers it did: $(way_back)"
# A revision that is named, one that is not there, and a run that changes nothing.
: >"$dir/log" && : >"$dir/refused"
TARGET=v1 FLEETS="of-v1 v1 1\n" deploy rollback production --revision 3 || fail "it does not go back to a revision"
[[ $(way_back) == 'stop of-v1=v1 back ready ready' ]] || fail "to revision 3 it did: $(way_back)"
: >"$dir/log"
if deploy rollback production --revision 2; then fail "it goes back to a revision that is not there"; fi
[[ -z $(way_back) ]] || fail "to no revision it did: $(way_back)"
for fleets in "of-v1 v1 1\n$new" "$new"; do
    : >"$dir/log"
    TARGET=v1 FLEETS=$fleets deploy rollback production --dry-run || fail "its dry run of going back fails"
    [[ -z $(way_back) ]] || fail "its dry run of going back did: $(way_back)"
    grep -q 'would run: kubectl exec .* deployment/of-v1 .* current v1' "$dir/said" || fail "its dry run does not say whom it tells"
done
grep -q 'would run: kubectl delete deployment of-v2' "$dir/said" || fail "its dry run does not say what it takes away"
: >"$dir/log"
deploy rollback production --part redis --revision 3 || fail "it does not roll back Redis"
grep -q '^helm rollback platform-redis 3 -n default' "$dir/log" || fail "it rolled back something else"
: >"$dir/log"
deploy uninstall production || fail "it does not uninstall"
[[ $(sed -n 's/^helm uninstall \([^ ]*\) .*/\1/p' "$dir/log" | xargs) == 'aroti platform-temporal platform-keycloak platform-redis platform-postgres platform-base' ]] ||
    fail "it was taken away in another order"
if grep -q 'kubectl delete' "$dir/log"; then fail "it took away data unasked"; fi
: >"$dir/log"
deploy install production --dry-run --tag v1.2.3 || fail "its dry run fails"
if grep -qE '^helm (upgrade|install)' "$dir/log" && ! grep -qE -- '--dry-run=server' "$dir/log"; then fail "its dry run changes something"; fi
if grep -qE '^kubectl (create|apply|delete)' "$dir/log"; then fail "its dry run changes something"; fi
