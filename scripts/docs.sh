#!/usr/bin/env bash
# The site of the documents: bash scripts/docs.sh [serve|build] [mkdocs arguments]
# Serves it at http://localhost:8008/, and shows each change at once; or builds it into site/, which any web server can serve.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
bootstrap
export NO_MKDOCS_2_WARNING=1 # mkdocs-material tells of its successor at every build
what=${1:-serve}
[ $# -eq 0 ] || shift
case $what in
serve) exec "$python" -m mkdocs serve --dev-addr localhost:8008 --watch README.md --watch CONTRIBUTING.md --watch SECURITY.md --watch CHANGELOG.md "$@" ;;
build) exec "$python" -m mkdocs build --strict "$@" ;;
*) stop "bash scripts/docs.sh [serve|build]" ;;
esac
