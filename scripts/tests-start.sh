#!/usr/bin/env bash
# Runs the tests inside a container, whose environment is installed already: bash scripts/tests-start.sh [pytest arguments]
# They use the servers that POSTGRES_* or DATABASE_URL, and REDIS_*, name: PostgreSQL in a database of their own, or else
# the embedded one. What else the container's services are set to is no part of what is tested.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
for name in $(sed -n 's/^#\{0,1\}\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$here/../.env.example"); do
    case $name in
    DATABASE_URL | POSTGRES_* | CACHE_ENABLED | REDIS_* | DATA_DIR) ;;
    *) unset "$name" ;;
    esac
done
exec bash "$here/test.sh" "$@"
