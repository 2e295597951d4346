#!/bin/sh
# rollout: brings a version of the workers of bookings into use, or takes it back.
#
#   rollout.sh forward BUILD   a share of the work, then more, then all of it; BUILD must already run beside the old one
#   rollout.sh back BUILD      everything to BUILD at once, which must still run
#   rollout.sh drained BUILD   ends with 0 once nothing runs on BUILD any more: its workers may go
#   rollout.sh status          what the engine knows of all versions
#
# Sessions that are open move to the current version with their next step (auto-upgrade), so that a version is drained
# soon after another one is current.
#
# It needs the `temporal` program, and TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the like in its environment. Also read:
#
#   DEPLOYMENT      the name of the worker deployment; aroti-bookings
#   SHARES          percentages to stop at on the way; "10 50"
#   PAUSE_SECONDS   how long at each; 120
#   WAIT_SECONDS    how long the first poll of BUILD, or its last run, is waited for; 600
set -eu

deployment=${DEPLOYMENT:-aroti-bookings}
shares=${SHARES-10 50}
pause=${PAUSE_SECONDS:-120}
wait=${WAIT_SECONDS:-600}

say() { echo "rollout: $*"; }
die() {
    echo "rollout: $*" >&2
    exit 1
}
usage() {
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 64
}

deployments() {
    what=$1
    shift
    temporal worker deployment "$what" --deployment-name "$deployment" "$@"
}

# field NAME: its value in JSON on standard input, which the program writes one to a line.
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }

version() { deployments describe-version --build-id "$1" --output json 2>/dev/null; }
current() { deployments describe --output json 2>/dev/null | field currentVersionBuildID; }

# until_true WHAT COMMAND…
until_true() {
    what=$1 left=$wait
    shift
    until "$@"; do
        [ "$left" -gt 0 ] || die "$what: not within $wait s"
        sleep 5
        left=$((left - 5))
    done
}

known() { version "$1" >/dev/null; }
drained() {
    case $(version "$1" | field drainageStatus) in drained) return 0 ;; *) return 1 ;; esac
}

forward() {
    until_true "$deployment has no worker of $1" known "$1"
    was=$(current)
    if [ "$was" = "$1" ]; then
        say "$1 is the current version already"
        return
    fi
    if [ -n "$was" ]; then
        for share in $shares; do
            deployments set-ramping-version --build-id "$1" --percentage "$share" --yes >/dev/null
            say "$1 has $share % of what begins; $pause s"
            sleep "$pause"
        done
    fi
    deployments set-current-version --build-id "$1" --yes >/dev/null
    say "$1 is the current version${was:+; $was drains}"
}

back() {
    known "$1" || die "$deployment has no version $1"
    deployments set-current-version --build-id "$1" --yes >/dev/null
    say "$1 is the current version again"
}

case ${1-}/$# in
forward/2) forward "$2" ;;
back/2) back "$2" ;;
drained/2)
    until_true "$2 is not drained" drained "$2"
    say "nothing runs on $2: take it from workers.bookings.keep"
    ;;
status/1) deployments describe ;;
*) usage ;;
esac
