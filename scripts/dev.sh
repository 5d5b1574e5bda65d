#!/usr/bin/env bash
# Runs Keystone on this machine: bash scripts/dev.sh [--port N] [--no-sample-data]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
bootstrap
# Not through `uv run`: the server then is this very process, and Ctrl-C and SIGTERM reach it at first hand.
exec "$python" manage.py dev "$@"
