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

engine() {
    what=$1
    shift
    temporal worker deployment "$what" "$@"
}

# field NAME: its value in JSON on standard input, which the program writes one to a line.
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }

version() { engine describe-version --deployment-name "$deployment" --build-id "$1" --output json 2>/dev/null; }
routing() { engine describe --name "$deployment" --output json 2>/dev/null | field "$1VersionBuildID"; }

# until_true WHAT COMMAND…
until_true() {
    what=$1 left=$wait
    shift
    until said=$("$@" 2>&1); do
        [ "$left" -gt 0 ] || die "$what, not within $wait s${said:+: $said}"
        sleep 2
        left=$((left - 2))
    done
}

drained() {
    case $(version "$1" | field drainageStatus) in drained) return 0 ;; *) return 1 ;; esac
}

# What the engine refuses while no worker of the version asks for work.
ramp() { engine set-ramping-version --deployment-name "$deployment" --build-id "$1" --percentage "$2" --yes; }
use() { engine set-current-version --deployment-name "$deployment" --build-id "$1" --yes; }

forward() {
    until_true "no worker of $1 has asked $deployment for work" version "$1"
    was=$(routing current)
    if [ "$was" = "$1" ]; then
        say "$1 is the current version already"
        return
    fi
    if [ -n "$was" ]; then
        for share in $shares; do
            until_true "$1 was not given $share %" ramp "$1" "$share"
            say "$1 has $share % of the work; $pause s"
            sleep "$pause"
        done
    fi
    until_true "$1 was not made current" use "$1"
    say "$1 is the current version${was:+; $was drains}"
}

back() {
    [ -n "$(version "$1")" ] || die "$deployment has no version $1"
    ramping=$(routing ramping)
    if [ -n "$ramping" ]; then
        engine set-ramping-version --deployment-name "$deployment" --delete --yes >/dev/null
        say "$ramping has no share any more"
    fi
    if [ "$(routing current)" != "$1" ]; then
        until_true "$1 was not made current" use "$1"
    fi
    say "$1 is the current version"
}

case ${1-}/$# in
forward/2) forward "$2" ;;
back/2) back "$2" ;;
drained/2)
    until_true "$2 is not drained" drained "$2"
    say "nothing runs on $2: take it from workers.bookings.keep"
    ;;
status/1) engine describe --name "$deployment" ;;
*) usage ;;
esac
