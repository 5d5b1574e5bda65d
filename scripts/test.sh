#!/usr/bin/env bash
# Runs the tests: bash scripts/test.sh [pytest arguments]
# Without arguments it is the whole suite, of which the tests must cover 95 % of keystone's branches.
# The report is written to coverage/index.html.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
bootstrap
export ENVIRONMENT=testing # whatever this shell says; testing reads no .env either

report=(--cov --cov-report=html:coverage)
if [ $# -eq 0 ]; then
    "$python" -m pytest "${report[@]}" --numprocesses=auto --maxprocesses=8
    "$python" -m coverage report --include='keystone/*' --fail-under=95
else
    "$python" -m pytest "${report[@]}" "$@"
fi
echo "Coverage: $PWD/coverage/index.html"
