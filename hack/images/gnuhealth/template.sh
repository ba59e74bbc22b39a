#!/bin/sh
# Fills a throw-away PostgreSQL with GNU Health's schema and writes it to the file given as the argument. Activating the
# modules takes minutes of CPU; a Puskesmas that is onboarded should not have to wait for what is the same for all.
set -eu

bin=/usr/lib/postgresql/15/bin
work=$(mktemp -d)
chown postgres "$work"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

as_postgres $bin/initdb --pgdata "$work/data" --auth trust --locale C.UTF-8 --encoding UTF8 >/dev/null
# Nothing listens on the network, and nothing has to survive.
as_postgres $bin/pg_ctl --pgdata "$work/data" --wait --log "$work/log" start \
	--options "-c listen_addresses= -c unix_socket_directories=$work -c fsync=off -c full_page_writes=off"
trap 'as_postgres $bin/pg_ctl --pgdata "$work/data" --mode immediate stop' EXIT
as_postgres $bin/createuser --host "$work" template
as_postgres $bin/createdb --host "$work" --owner template template

DB_HOST=$work DB_NAME=template DB_USER=template DB_PASSWORD=unused python -c '
from rme import migrate, settings
migrate.build_template(settings.Settings.from_environment())'
$bin/pg_dump --host "$work" --username template --no-owner --no-privileges --no-comments template | gzip -9 >"$1"
