# Tidies up after `dev`, however that ends: kill -9 included, when nobody else could.
#
# Its input is a pipe that only `dev` holds open. A line is `+ PID`: this process runs; `- PID`: it has ended;
# `! PID`: ask it to end. At the end of the input, whoever is left is stopped and the run file ($1) removed.
trap '' INT TERM HUP
left=' '
while read -r what pid; do
    case $what in
    +) left="$left$pid " ;;
    -) left="${left%% "$pid" *} ${left#* "$pid" }" ;;
    !) kill -TERM "$pid" ;;
    esac
done
for pid in $left; do kill -TERM "$pid"; done
tries=0
for pid in $left; do
    while kill -0 "$pid" && [ $tries -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL "$pid"
done
rm -f "$1"
