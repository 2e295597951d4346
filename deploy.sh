#!/usr/bin/env bash
# deploy.sh COMMAND ENVIRONMENT [OPTION…]: Aroti on the cluster that kubectl speaks to, part after part.
#
#   install ENV     what is missing, and what differs; upgrade is the same word for it
#   upgrade ENV
#   status ENV      what is there, and whether it is ready
#   rollback ENV    the engine's release (or that of --part) goes back to the one before (or to --revision); never the
#                   database: the old code runs on the new schema. Bookings go to the old workers before the new ones go
#   uninstall ENV   takes the releases away; data, namespaces and secrets stay, unless --with-data
#
#   ENV             dev, local, staging, production: the values-ENV.yaml of both charts
#   --dry-run       says what would be done and changes nothing; the API server judges it, where one answers
#   --tag TAG       the image's tag, such as v1.2.3; default: the one of the chart
#   --part PART     that part alone: base, postgres, redis, keycloak, temporal, aroti
#   --values FILE   more values for the engine; --platform-values FILE for what it stands on; both may be repeated
#   --make-secrets  makes the secrets that are missing, with random passwords and, where the engine is backed up, the key
#                   of its backups; what nobody can make up is taken from the environment:
#                     SMTP_URL                     how mails are sent
#                     DERIVE_KEY                   that of the safe, where there is one; made otherwise, and for the safe
#                     BACKUP_IDENTITY_FILE         where the private key of the backups is, or is written to if it is not:
#                                                  a file outside of the cluster, for the safe
#                     RCLONE_CONFIG_PRIMARY_ACCESS_KEY_ID, …_SECRET_ACCESS_KEY   of the storage of the backups
#                     RCLONE_CONFIG_SECOND_ACCESS_KEY_ID, …_SECRET_ACCESS_KEY    of that in the second region
#                     ALERTS_P1_URL, ALERTS_P2_URL, ALERTS_HEARTBEAT_URL   who is paged, and who notices that nobody is;
#                                                  ALERTS_MAIL_PASSWORD where monitoring.routes.mailUser logs in
#                     LOGS_ACCESS_KEY_ID, LOGS_SECRET_ACCESS_KEY   of the archive of the logs
#   --timeout 10m   how long each part may take until it is ready; 30m for the engine, whose workers come by shares
#   --revision N    for rollback
#   --with-data     for uninstall: volumes, secrets and namespaces, too
#
# The order is base, postgres, redis, keycloak, temporal, then the engine: migrations and API, workers. Each is ready before
# the next begins. ArgoCD does the same by charts/argocd; use one of the two.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { echo "deploy: $*" >&2; }
fail() {
    say "$*"
    exit 1
}
usage() {
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}" >&2
    exit 64
}

parts=(base postgres redis keycloak temporal aroti)

command=${1-} environment=${2-}
case $command in install | upgrade | status | rollback | uninstall) ;; *) usage ;; esac
[[ -n $environment && -f charts/platform/values-$environment.yaml ]] ||
    fail "which environment? one of: $(printf '%s\n' charts/platform/values-*.yaml | sed 's/.*values-\(.*\)\.yaml/\1/' | xargs)"
shift 2

dry_run='' tag='' only='' revision='' with_data='' make_secrets='' timeout=''
values=() platform_values=()
while (($# > 0)); do
    case $1 in
    --dry-run) dry_run=yes && shift && continue ;;
    --with-data) with_data=yes && shift && continue ;;
    --make-secrets) make_secrets=yes && shift && continue ;;
    esac
    (($# > 1)) || usage
    case $1 in
    --tag) tag=$2 ;;
    --part) only=$2 ;;
    --revision) revision=$2 ;;
    --timeout) timeout=$2 ;;
    --values) values+=(-f "$2") ;;
    --platform-values) platform_values+=(-f "$2") ;;
    *) usage ;;
    esac
    shift 2
done
[[ -z $only || " ${parts[*]} " == *" $only "* ]] || fail "there is no part $only; there are: ${parts[*]}"

for program in helm kubectl; do
    command -v "$program" >/dev/null || { [[ $program == kubectl && -n $dry_run ]] || fail "$program is missing"; }
done
reachable=
if command -v kubectl >/dev/null && kubectl get --raw=/readyz --request-timeout=5s >/dev/null 2>&1; then reachable=yes; fi
[[ -n $reachable || -n $dry_run ]] || fail "no cluster answers; KUBECONFIG and the context of kubectl say which one is asked"

# change COMMAND…: does it, or says it.
change() {
    if [[ -n $dry_run ]]; then
        printf 'would run:' >&2
        printf ' %q' "$@" >&2
        printf '\n' >&2
    else
        "$@"
    fi
}

# --- releases -------------------------------------------------------------------------------------------------

# Those of the platform are kept in `default`: the namespaces are made by one of them.
release() { if [[ $1 == aroti ]]; then echo aroti; else echo "platform-$1"; fi; }
namespace() { if [[ $1 == aroti ]]; then echo aroti; else echo default; fi; }
has_release() { helm status "$(release "$1")" -n "$(namespace "$1")" >/dev/null 2>&1; }

arguments() { # PART
    if [[ $1 == aroti ]]; then
        arguments=(charts/aroti -n aroti -f "charts/aroti/values-$environment.yaml" "${values[@]}")
        [[ -z $tag ]] || arguments+=(--set-string "image.tag=$tag")
    else
        arguments=(charts/platform -n default -f "charts/platform/values-$environment.yaml" "${platform_values[@]}" --set "parts={$1}")
    fi
}

# builds: the versions of the workers of bookings among the manifests of standard input. The first one is the image's;
# without versions there is none.
builds() { sed -n 's/^    aroti.com\/build: "\(.*\)"$/\1/p' | uniq; }

# keep: adds to the arguments of the engine the version of the workers of bookings that runs now, besides those that the
# values keep: it plays the sessions that are open until the new one is in use. Those before it go.
keep() {
    local tag builds now
    builds=$(helm template aroti "${arguments[@]}" | builds)
    tag=$(head -n 1 <<<"$builds")
    [[ -n $tag ]] || return 0
    now=$(kubectl get deployments -n aroti -l app=aroti-backend-bookings --sort-by=.metadata.creationTimestamp \
        -o 'jsonpath={range .items[*]}{.metadata.labels.aroti\.com/build}{"\n"}{end}' 2>/dev/null | grep -vxF -- "$tag" | grep . | tail -n 1) || return 0
    ! grep -qxF -- "$now" <<<"$builds" || return 0
    builds=$({ tail -n +2 <<<"$builds" && echo "$now"; } | sed 's/.*/"&"/' | paste -sd ,)
    arguments+=(--set-json "workers.bookings.keep=[$builds]")
    say "aroti: the workers of $now stay beside those of $tag until the next upgrade"
}

put() { # PART
    local arguments timeout=${timeout:-$([[ $1 == aroti ]] && echo 30m || echo 10m)}
    arguments "$1"
    [[ $1 != aroti || -z $reachable ]] || keep
    if [[ -z $dry_run ]]; then
        say "$1: installing"
        helm upgrade --install "$(release "$1")" "${arguments[@]}" --history-max 20 --timeout "$timeout" >/dev/null
        await "$1" || fail "$1 is not ready after $timeout; look at: $0 status $environment"
        say "$1: ready"
    elif [[ -n $reachable ]]; then
        helm upgrade --install "$(release "$1")" "${arguments[@]}" --dry-run=server --hide-notes >/dev/null
        say "$1: the API server would take $(objects "${arguments[@]}")"
    else
        say "$1: would install $(objects "${arguments[@]}") (rendered only: no cluster answers)"
    fi
}
objects() {
    local text
    text=$(helm template x "$@")
    echo "$(grep -c '^kind:' <<<"$text" || :) objects: $(sed -n 's/^kind: //p' <<<"$text" | sort | uniq -c | awk '{printf "%s%d %s", sep, $1, $2; sep=", "}')"
}

# --- ready ----------------------------------------------------------------------------------------------------

# ready NAMESPACE KIND SELECTOR: those that are there, however many.
ready() {
    local name
    while read -r name; do
        [[ -n $name ]] || continue
        case $2 in
        job) kubectl wait -n "$1" "$name" --for=condition=complete --timeout="$timeout" >/dev/null || return ;;
        *) kubectl rollout status -n "$1" "$name" --timeout="$timeout" >/dev/null || return ;;
        esac
    done < <(kubectl get "$2" -n "$1" -l "$3" -o name)
}
await() { # PART
    case $1 in
    base) for name in aroti database keycloak temporal; do kubectl get namespace "$name" >/dev/null || return; done ;;
    postgres) ready database statefulset app=postgres && ready database job app=postgres-roles ;;
    redis) ready aroti statefulset app=redis ;;
    keycloak) ready keycloak statefulset app=keycloak ;;
    temporal)
        ready temporal job app=temporal-schema &&
            ready temporal deployment 'app in (temporal-frontend, temporal-history, temporal-matching, temporal-worker)' &&
            ready temporal job app=temporal-namespace && ready temporal deployment app=temporal-ui
        ;;
    aroti)
        ready aroti deployment app=aroti-backend-api &&
            ready aroti deployment 'app in (aroti-backend-bookings, aroti-backend-outreach)'
        ;;
    esac
}

# --- and back -------------------------------------------------------------------------------------------------

# make_current DEPLOYMENT VERSION: all bookings go to that version at once, said in a pod of that Deployment.
make_current() {
    change kubectl exec -n aroti --pod-running-timeout=30s "deployment/$1" -c worker -- worker rollout current "$2" --wait 60 >&2
}
# back: the engine's release goes to the revision, or to the one before. What helm takes away are the workers of the version
# that the engine sends all bookings to: it must send them to the other one first, or nobody is booked until it does.
back() {
    local to=$revision manifest builds tag='' own name build available told='' stays=() hooks=()
    if [[ -z $reachable ]]; then
        say "aroti: the engine would be told to go on with the version of that revision (no cluster answers: nobody knows which)"
        change helm rollback aroti ${to:+"$to"} -n aroti --timeout "$timeout"
        return
    fi
    # As helm itself counts where it is not told.
    [[ -n $to ]] || to=$(($(helm history aroti -n aroti --max 1 -o json | sed 's/.*"revision": *\([0-9]*\).*/\1/') - 1))
    ((to > 0)) || fail "aroti: there is no revision before this one"
    manifest=$(helm get manifest aroti --revision "$to" -n aroti) || fail "aroti: there is no revision $to"
    builds=$(builds <<<"$manifest")
    tag=$(head -n 1 <<<"$builds")
    if [[ -n $tag ]]; then
        # The job of the release that is left, if it is under way still: another try of it would go forward again.
        change kubectl delete job aroti-backend-rollout -n aroti --ignore-not-found >&2
        own=$(awk -v build="\"$tag\"" '/^  name: / { name = $2 } /^    aroti.com\/build: / && $2 == build { print name; exit }' <<<"$manifest")
        while read -r name build available; do
            if [[ $build == "$tag" ]]; then
                # Without workers that are ready it would be worse to go to it now.
                ((${available:-0} == 0)) || told=asked
            elif ! grep -qxF -- "$build" <<<"$builds"; then
                stays+=("$name")
            fi
        done < <(kubectl get deployments -n aroti -l 'app=aroti-backend-bookings,aroti.com/build' \
            -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.aroti\.com/build} {.status.availableReplicas}{"\n"}{end}')
        if [[ -z $told ]]; then
            say "aroti: no worker of $tag is ready: those are started first, beside the others, and get all bookings when they are"
        elif make_current "$own" "$tag"; then
            told=yes
        else
            say "aroti: the engine did not make $tag current; it is asked again when the rest has gone back"
        fi
        if [[ $told != yes ]]; then
            # The chart's job would make it current before anybody has seen that its workers are ready.
            hooks=(--no-hooks)
            # Helm passes over what is to be kept, as it is written on the object itself.
            for name in "${stays[@]}"; do
                change kubectl annotate deployment "$name" -n aroti --overwrite helm.sh/resource-policy=keep >&2
            done
        fi
    fi
    change helm rollback aroti "$to" -n aroti --timeout "$timeout" "${hooks[@]}"
    ((${#hooks[@]} > 0)) || return 0
    [[ -n $dry_run ]] || ready aroti deployment "app=aroti-backend-bookings,aroti.com/build=$tag" ||
        fail "aroti: the workers of $tag are not ready after $timeout, and bookings go where they went before${stays[*]:+: ${stays[*]} is still there}"
    make_current "$own" "$tag" ||
        fail "aroti: $tag is not current; docs/runbooks/bad-deploy.md says how it is made so${stays[*]:+. Afterwards: kubectl delete deployment -n aroti ${stays[*]}}"
    for name in "${stays[@]}"; do change kubectl delete deployment "$name" -n aroti >&2; done
}

# --- secrets --------------------------------------------------------------------------------------------------

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
has_secret() { kubectl get secret "$2" -n "$1" >/dev/null 2>&1; }
# known NAMESPACE SECRET KEY: what it is, or something new.
known() {
    local value
    value=$(kubectl get secret "$2" -n "$1" -o "go-template={{index .data \"$3\"}}" 2>/dev/null | base64 -d 2>/dev/null) || value=
    [[ -n $value && $value != '<no value>' ]] || value=$(random)
    echo "$value"
}
# secret NAMESPACE NAME KEY=VALUE…: by a pipe, for a process's arguments are seen by others.
secret() {
    local namespace=$1 name=$2 pair value
    shift 2
    {
        printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: Opaque\nstringData:\n' "$name" "$namespace"
        for pair in "$@"; do
            value=${pair#*=} value=${value//\\/\\\\} value=${value//\"/\\\"}
            printf '  %s: "%s"\n' "${pair%%=*}" "${value//$'\n'/\\n}"
        done
    } | kubectl create -f - >/dev/null
    say "made the secret $namespace/$name"
}
# brought PART: the secrets that its chart makes, or has made, as namespace/name.
brought() { # PART [ARGUMENT…]
    local arguments part=$1
    shift
    arguments "$part"
    { helm template x "${arguments[@]}" "$@" 2>/dev/null || :; } | awk '
        /^---/ { secret = 0 }
        /^kind: (Secret|ExternalSecret)$/ { secret = 1 }
        secret && /^  name: / { name = $2 }
        secret && /^  namespace: / { print $2 "/" name; secret = 0 }'
}
# What `existing` leaves to others: that which `external` would bring.
wanted() {
    local all='parts={base,postgres,redis,keycloak,temporal}'
    [[ $only == aroti || -n $(brought base --set "$all") ]] || brought base --set "$all" --set secrets.mode=external
    # With `values` the chart makes the engine's own, and none of its backups.
    grep -vxFf <(brought aroti && echo none) < <(brought aroti --set secrets.source=external --set secrets.values=null) || :
}
# asked SECRET…: what nobody can make up, as variables of the environment that those secrets are made with.
asked() {
    local one text='' arguments
    for one in "$@"; do
        case $one in
        aroti/aroti-backend-secrets) echo SMTP_URL ;;
        aroti/aroti-backup-identity) echo BACKUP_IDENTITY_FILE ;;
        aroti/aroti-alerts) printf '%s\n' ALERTS_P1_URL ALERTS_P2_URL ALERTS_HEARTBEAT_URL ;;
        */aroti-logs-archive) printf '%s\n' LOGS_ACCESS_KEY_ID LOGS_SECRET_ACCESS_KEY ;;
        aroti/aroti-backup-secrets | aroti/aroti-restore-secrets)
            [[ -n $text ]] || { arguments aroti && text=$(helm template x "${arguments[@]}"); }
            # Whoever has named the keys to encrypt for has the other half of one of them.
            grep -q BACKUP_RECIPIENTS <<<"$text" || echo BACKUP_IDENTITY_FILE
            sed -n 's/.*name: \(RCLONE_CONFIG_[A-Z]*\)_TYPE,.*/\1_ACCESS_KEY_ID\n\1_SECRET_ACCESS_KEY/p' <<<"$text"
            ;;
        esac
    done | sort -u
}
lacking() { # SECRET…
    local name
    for name in $(asked "$@"); do [[ -n ${!name-} ]] || echo "$name"; done
}

# shared SECRET: those that have the same passwords on their side.
shared() {
    case $1 in
    keycloak/keycloak-secret | aroti/aroti-restore-secrets) echo database/postgres-secret ;;
    temporal/temporal-secret) echo database/postgres-secret keycloak/keycloak-secret ;;
    aroti/aroti-backup-secrets) echo database/postgres-secret aroti/redis-secret ;;
    aroti/aroti-backend-secrets) echo database/postgres-secret aroti/redis-secret keycloak/keycloak-secret ;;
    esac
}

# identity: the private key of the backups is in a file first, and in the cluster afterwards: a key that is lost with the
# cluster opens nothing.
identity() {
    local recipients
    command -v age-keygen >/dev/null || fail "age-keygen is missing, which makes the key of the backups (Debian: apt-get install age)"
    if [[ ! -e $BACKUP_IDENTITY_FILE ]]; then
        age-keygen -o "$BACKUP_IDENTITY_FILE" 2>/dev/null || fail "the key of the backups cannot be written to $BACKUP_IDENTITY_FILE"
        say "made the key of the backups: $BACKUP_IDENTITY_FILE. No backup is worth anything without it: put it into two safes outside of the cluster, try it there, and shred this file (docs/deployment.md, \"The key of the backups\")"
    fi
    public=$(age-keygen -y "$BACKUP_IDENTITY_FILE" 2>/dev/null | xargs) && [[ -n $public ]] ||
        fail "$BACKUP_IDENTITY_FILE has no private key of age"
    private=$(grep '^AGE-SECRET-KEY-' "$BACKUP_IDENTITY_FILE")
    recipients=$(arguments aroti && helm template x "${arguments[@]}" | sed -n 's/.*name: BACKUP_RECIPIENTS, value: "\(.*\)" }.*/\1/p' | sort -u)
    [[ -z $recipients ]] || grep -qxFf <(xargs -n 1 <<<"$public") <(xargs -n 1 <<<"$recipients") ||
        fail "no key of $BACKUP_IDENTITY_FILE is one that backup.recipients names: what is backed up could not be restored with it"
}

secrets() {
    local missing=() one other wanted lacking
    wanted=$(wanted)
    if [[ -n $dry_run ]]; then
        [[ -n $wanted ]] || return 0
        say "secrets that must be there: $(xargs <<<"$wanted")"
        # shellcheck disable=SC2086  # one word each
        [[ -z $make_secrets ]] || say "made of these variables: $(asked $wanted | xargs); not set: $(lacking $wanted | xargs | grep . || echo none)"
        return
    fi
    for one in $wanted; do has_secret "${one%/*}" "${one#*/}" || missing+=("$one"); done
    ((${#missing[@]} > 0)) || return 0
    [[ -n $make_secrets ]] || fail "these secrets are missing: ${missing[*]}; --make-secrets makes them"
    # All of it before any is made.
    for one in "${missing[@]}"; do
        for other in $(shared "$one"); do
            [[ " ${missing[*]} " == *" $other "* ]] || has_secret "${other%/*}" "${other#*/}" ||
                fail "$one shares passwords with $other, which somebody else makes and has not yet: install that part first (--part), then --part aroti --make-secrets; or make $one by hand"
        done
    done
    lacking=$(lacking "${missing[@]}" | xargs)
    [[ -z $lacking ]] || fail "to make ${missing[*]}, these variables must be set: $lacking; $0 without a command says what they are"
    local admin keycloak temporal redis owner app backup client ui public='' private='' storage=()
    admin=$(known database postgres-secret postgres-password)
    keycloak=$(known database postgres-secret keycloak-password)
    temporal=$(known database postgres-secret temporal-password)
    owner=$(known database postgres-secret owner-password)
    app=$(known database postgres-secret app-password)
    backup=$(known database postgres-secret backup-password)
    redis=$(known aroti redis-secret redis-password)
    client=$(known keycloak keycloak-secret client-secret)
    ui=$(known keycloak keycloak-secret temporal-ui-secret)
    for one in $(asked "${missing[@]}"); do
        case $one in
        BACKUP_IDENTITY_FILE) identity ;;
        RCLONE_*) storage+=("$one=${!one}") ;;
        esac
    done
    for one in "${missing[@]}"; do
        case $one in
        database/postgres-secret)
            secret database postgres-secret "postgres-password=$admin" "owner-password=$owner" "app-password=$app" \
                "backup-password=$backup" "keycloak-password=$keycloak" "temporal-password=$temporal"
            ;;
        aroti/redis-secret) secret aroti redis-secret "redis-password=$redis" ;;
        keycloak/keycloak-secret)
            secret keycloak keycloak-secret "database-password=$keycloak" "admin-password=$(random)" \
                "client-secret=$client" "temporal-ui-secret=$ui" "smtp-password=${KEYCLOAK_SMTP_PASSWORD:-none}"
            ;;
        temporal/temporal-secret) secret temporal temporal-secret "database-password=$temporal" "ui-client-secret=$ui" ;;
        aroti/aroti-backend-secrets)
            secret aroti aroti-backend-secrets \
                "DATABASE_URL=postgres://aroti_app:$app@postgres.database.svc.cluster.local:5432/aroti" \
                "MIGRATION_DATABASE_URL=postgres://aroti_owner:$owner@postgres.database.svc.cluster.local:5432/aroti" \
                "REDIS_URL=redis://:$redis@redis.aroti.svc.cluster.local:6379/0" \
                "KEYCLOAK_CLIENT_SECRET=$client" "DERIVE_KEY=${DERIVE_KEY:-$(random)}" "LINK_KEYS=$(random)" "SMTP_URL=$SMTP_URL"
            ;;
        # Whoever writes backups has public keys alone, and is no superuser; whoever restores is both.
        aroti/aroti-backup-secrets)
            secret aroti aroti-backup-secrets "PGPASSWORD=$backup" "REDISCLI_AUTH=$redis" ${public:+"BACKUP_RECIPIENTS=$public"} "${storage[@]}"
            ;;
        aroti/aroti-restore-secrets) secret aroti aroti-restore-secrets "PGPASSWORD=$admin" "${storage[@]}" ;;
        aroti/aroti-backup-identity) secret aroti aroti-backup-identity "identity=$private" ;;
        aroti/aroti-alerts)
            secret aroti aroti-alerts "p1=$ALERTS_P1_URL" "p2=$ALERTS_P2_URL" "heartbeat=$ALERTS_HEARTBEAT_URL" \
                ${ALERTS_MAIL_PASSWORD:+"mail-password=$ALERTS_MAIL_PASSWORD"}
            ;;
        */aroti-logs-archive)
            secret "${one%/*}" aroti-logs-archive "AWS_ACCESS_KEY_ID=$LOGS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY=$LOGS_SECRET_ACCESS_KEY"
            ;;
        *) fail "nobody knows how $one is made: make it by hand" ;;
        esac
    done
}

# --- commands -------------------------------------------------------------------------------------------------

case $command in
install | upgrade)
    # Values that cannot be installed are told of before anything is changed.
    if [[ -z $only || $only == aroti ]]; then
        arguments aroti
        helm template x "${arguments[@]}" >/dev/null || fail "nothing was changed"
    fi
    for part in "${parts[@]}"; do
        [[ -z $only || $part == "$only" ]] || continue
        [[ $only != aroti ]] || secrets
        put "$part"
        [[ $part != base ]] || secrets
    done
    ;;
status)
    code=0
    for part in "${parts[@]}"; do
        [[ -z $only || $part == "$only" ]] || continue
        if ! has_release "$part"; then
            echo "$part: not installed"
            code=1
        elif timeout=1s await "$part" 2>/dev/null; then
            echo "$part: ready"
        else
            echo "$part: not ready"
            code=1
        fi
    done
    helm list -n default --filter '^platform-' && helm list -n aroti
    for name in database aroti keycloak temporal; do
        echo "--- $name" && kubectl get pods,jobs -n "$name"
    done
    exit "$code"
    ;;
rollback)
    part=${only:-aroti} timeout=${timeout:-10m}
    if [[ -n $reachable ]]; then
        has_release "$part" || fail "$part is not installed"
        helm history "$(release "$part")" -n "$(namespace "$part")" --max 5 >&2
    fi
    if [[ $part == aroti ]]; then
        back
    else
        change helm rollback "$(release "$part")" ${revision:+"$revision"} -n "$(namespace "$part")" --timeout "$timeout"
    fi
    if [[ -z $dry_run ]]; then
        await "$part" || fail "$part is not ready after $timeout"
        say "$part: rolled back, and ready"
    fi
    ;;
uninstall)
    timeout=${timeout:-10m}
    for ((at = ${#parts[@]} - 1; at >= 0; at--)); do
        part=${parts[at]}
        [[ -z $only || $part == "$only" ]] || continue
        if [[ -n $reachable ]] && ! has_release "$part"; then continue; fi
        # Namespaces and volumes have annotations that keep them.
        change helm uninstall "$(release "$part")" -n "$(namespace "$part")" --wait --timeout "$timeout"
    done
    if [[ -n $with_data && -z $only ]]; then
        say "taking away namespaces with everything in them, volumes and secrets too"
        change kubectl delete namespace aroti database keycloak temporal argocd --ignore-not-found
    fi
    ;;
esac
