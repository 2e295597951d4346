#!/usr/bin/env bash
# deploy.sh COMMAND ENVIRONMENT [OPTION…]: Aroti on the cluster that kubectl speaks to, part after part.
#
#   install ENV     what is missing, and what differs; upgrade is the same word for it
#   upgrade ENV
#   status ENV      what is there, and whether it is ready
#   rollback ENV    the engine's release (or that of --part) goes back to the one before (or to --revision); never the
#                   database: the old code runs on the new schema
#   uninstall ENV   takes the releases away; data, namespaces and secrets stay, unless --with-data
#
#   ENV             dev, local, staging, production: the values-ENV.yaml of both charts
#   --dry-run       says what would be done and changes nothing; the API server judges it, where one answers
#   --tag TAG       the image's tag, such as v1.2.3; default: the one of the chart
#   --part PART     that part alone: base, postgres, redis, keycloak, temporal, aroti
#   --values FILE   more values for the engine; --platform-values FILE for what it stands on; both may be repeated
#   --make-secrets  makes the secrets that are missing, with random passwords; SMTP_URL is taken from the environment
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

put() { # PART
    local arguments timeout=${timeout:-$([[ $1 == aroti ]] && echo 30m || echo 10m)}
    arguments "$1"
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
    local namespace=$1 name=$2 pair
    shift 2
    {
        printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: Opaque\nstringData:\n' "$name" "$namespace"
        for pair in "$@"; do printf '  %s: "%s"\n' "${pair%%=*}" "${pair#*=}"; done
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
    [[ -n $(brought base --set "$all") ]] || brought base --set "$all" --set secrets.mode=external
    brought aroti | grep -q . || echo aroti/aroti-backend-secrets
}

secrets() {
    local missing=() one wanted
    wanted=$(wanted)
    if [[ -n $dry_run ]]; then
        [[ -z $wanted ]] || say "secrets that must be there: $(xargs <<<"$wanted")"
        return
    fi
    for one in $wanted; do has_secret "${one%/*}" "${one#*/}" || missing+=("$one"); done
    ((${#missing[@]} > 0)) || return 0
    [[ -n $make_secrets ]] || fail "these secrets are missing: ${missing[*]}; --make-secrets makes them"
    local keycloak temporal redis owner app client ui
    keycloak=$(known database postgres-secret keycloak-password)
    temporal=$(known database postgres-secret temporal-password)
    owner=$(known database postgres-secret owner-password)
    app=$(known database postgres-secret app-password)
    redis=$(known aroti redis-secret redis-password)
    client=$(known keycloak keycloak-secret client-secret)
    ui=$(known keycloak keycloak-secret temporal-ui-secret)
    for one in "${missing[@]}"; do
        case $one in
        database/postgres-secret)
            secret database postgres-secret "postgres-password=$(random)" "owner-password=$owner" "app-password=$app" \
                "backup-password=$(random)" "keycloak-password=$keycloak" "temporal-password=$temporal"
            ;;
        aroti/redis-secret) secret aroti redis-secret "redis-password=$redis" ;;
        keycloak/keycloak-secret)
            secret keycloak keycloak-secret "database-password=$keycloak" "admin-password=$(random)" \
                "client-secret=$client" "temporal-ui-secret=$ui" "smtp-password=${KEYCLOAK_SMTP_PASSWORD:-none}"
            ;;
        temporal/temporal-secret) secret temporal temporal-secret "database-password=$temporal" "ui-client-secret=$ui" ;;
        aroti/aroti-backend-secrets)
            [[ -n ${SMTP_URL-} ]] || fail "SMTP_URL says how mails are sent, such as smtps://user:password@smtp.example.com; it goes into aroti-backend-secrets"
            secret aroti aroti-backend-secrets \
                "DATABASE_URL=postgres://aroti_app:$app@postgres.database.svc.cluster.local:5432/aroti" \
                "MIGRATION_DATABASE_URL=postgres://aroti_owner:$owner@postgres.database.svc.cluster.local:5432/aroti" \
                "REDIS_URL=redis://:$redis@redis.aroti.svc.cluster.local:6379/0" \
                "KEYCLOAK_CLIENT_SECRET=$client" "DERIVE_KEY=$(random)" "LINK_KEYS=$(random)" "SMTP_URL=$SMTP_URL"
            ;;
        esac
    done
}

# --- commands -------------------------------------------------------------------------------------------------

case $command in
install | upgrade)
    for part in "${parts[@]}"; do
        [[ -z $only || $part == "$only" ]] || continue
        if [[ $part == aroti && ! -f charts/aroti/Chart.yaml ]]; then
            fail "charts/aroti is missing"
        fi
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
    change helm rollback "$(release "$part")" ${revision:+"$revision"} -n "$(namespace "$part")" --timeout "$timeout"
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
