#!/bin/sh
# A word for each role; everything else is run as it is given. What it starts takes its place, and gets its signals.
set -eu

# Two processes where there are two cores, else one: a process answers on threads that share one core, and further
# cores are better used by another container, which another machine can have. WEB_WORKERS says otherwise.
web_workers() {
    quota=max period=100000
    if [ -r /sys/fs/cgroup/cpu.max ]; then read -r quota period </sys/fs/cgroup/cpu.max; fi
    if [ "$quota" = max ]; then cores=$(nproc); else cores=$((quota / period)); fi
    if [ "$cores" -ge 2 ]; then echo 2; else echo 1; fi
}

# For `healthcheck`: what this container is for, and the file that a worker or a scheduler keeps young.
state=${TMPDIR:-/tmp}
begin() {
    rm -f "$state/$1.ready"
    echo "$1" >"$state/role"
}

role=${1:-web}
[ $# -eq 0 ] || shift
case $role in
web)
    begin web
    exec manage.py server run --host 0.0.0.0 --port "${PORT:-8000}" --workers "${WEB_WORKERS:-$(web_workers)}" "$@"
    ;;
worker | scheduler)
    begin "$role"
    exec manage.py "$role" --health-file "$state/$role.ready" "$@"
    ;;
prestart) exec manage.py server prestart "$@" ;;
*) exec "$role" "$@" ;;
esac
