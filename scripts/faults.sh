#!/usr/bin/env bash
# Breaks what the product stands on, and prints for each fault what was lost, what failed and how soon it was over:
# bash scripts/faults.sh [pytest arguments]
# The figures stand under "measured"; docs/faults.md explains them. It needs what the tests need, and takes some minutes.
# Where no disk may be mounted, or there is no redis-server, the summary names what was skipped for it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
bootstrap
export FAULT_MOMENTS=${FAULT_MOMENTS:-50}
export ENVIRONMENT=testing # whatever this shell says; testing reads no .env either

"$python" -m pytest tests/faults tests/caching/test_served.py "$@"
