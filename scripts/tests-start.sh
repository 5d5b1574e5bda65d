#!/usr/bin/env bash
# Runs the tests inside a container, whose environment is installed already: bash scripts/tests-start.sh [pytest arguments]
# They use the server that POSTGRES_* or DATABASE_URL names, in a database of their own, or else the embedded one.
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/test.sh" "$@"
