#!/usr/bin/env bash
# Runs the tests:
#   bash scripts/test.sh                     the quick ones, on every core
#   bash scripts/test.sh --all               every test, with coverage: keystone's branches must be covered to 95 %
#   bash scripts/test.sh [pytest arguments]  what the arguments name: a path, -k, -m slow, --lf
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
bootstrap
export ENVIRONMENT=testing # whatever this shell says; testing reads no .env either

# Three processes for two cores, because tests wait for databases, servers and time to pass. At most 8: each has a
# database of its own.
processes=$("$python" -c 'import os; print(min(8, (3 * (os.cpu_count() or 1) + 1) // 2))')
# Whoever has no more tests takes over some of the others', so that no process is left with all the slow ones.
whole_run=(--numprocesses="$processes" --dist=worksteal --durations=10)
if [ $# -eq 0 ]; then
    exec "$python" -m pytest "${whole_run[@]}" -p no:schemathesis # which only the fuzz tests use, and is slow to import
elif [ "$*" != --all ]; then
    exec "$python" -m pytest "$@"
fi

# A part that fails doesn't hide what the next one finds.
failed=0
"$python" -m pytest --all -m "not browser" "${whole_run[@]}" --cov --cov-report= || failed=1
echo "The browser tests:"
"$python" -m pytest -m browser "${whole_run[@]}" --cov --cov-append --cov-report= || failed=1
"$python" -m coverage html --quiet
echo "Coverage: $PWD/coverage/index.html"
"$python" -m coverage report --include='keystone/*' --fail-under=95 || failed=1
exit "$failed"
