#!/usr/bin/env bash
# Runs the tests inside a container, whose environment is installed already: bash scripts/tests-start.sh [pytest arguments]
# They use the servers that POSTGRES_* or DATABASE_URL, and REDIS_*, name: PostgreSQL in a database of their own, or else
# the embedded one. What else the container's services are set to is no part of what is tested.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
if [ ! -w "$here/.." ]; then # coverage and the caches of tools end up there
    echo "This folder belongs to the user $(stat -c %u "$here/.."), and this container writes as $(id -u): see DOCKER_USER_ID in docs/docker.md." >&2
    exit 1
fi
for name in $(sed -n 's/^#\{0,1\}\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$here/../.env.example"); do
    case $name in
    DATABASE_URL | POSTGRES_* | CACHE_ENABLED | REDIS_* | DATA_DIR) ;;
    *) unset "$name" "${name}_FILE" ;;
    esac
done
exec bash "$here/test.sh" "$@"
