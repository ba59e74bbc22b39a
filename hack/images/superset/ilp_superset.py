#!/opt/superset/bin/python
"""Starts Superset for one district.

    ilp-superset init    brings the metadata's schema, roles, admin and dashboards up to date; may be run at any time
    ilp-superset serve   answers on port 8088
"""

import argparse
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from string import Template

import sqlalchemy
import yaml

ADMIN = "admin"
DASHBOARDS = Path("/dashboards")
NOTE = f"init of Superset {version('apache-superset')} finished"


def serve(_: argparse.Namespace) -> None:
    wait_for("init to finish", initialised)
    os.execvp(
        "gunicorn",
        [
            "gunicorn",
            "--bind=0.0.0.0:8088",
            f"--workers={os.environ.get('WEB_WORKERS', '1')}",
            f"--threads={os.environ.get('WEB_THREADS', '8')}",
            "--worker-class=gthread",
            "--worker-tmp-dir=/tmp",
            "--timeout=60",
            "--graceful-timeout=20",
            "--max-requests=5000",
            "--max-requests-jitter=500",
            "--access-logfile=-",
            "--no-control-socket",
            "--forwarded-allow-ips=*",
            "superset.app:create_app()",
        ],
    )


def init(arguments: argparse.Namespace) -> None:
    password = os.environ.get("ADMIN_PASSWORD", "")
    if not password:
        raise SystemExit("environment variable ADMIN_PASSWORD is empty: there is no default password; set it and start again")
    wait_for("the metadata database", lambda connection: True)
    from flask_migrate import upgrade
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        import superset

        say("bringing the metadata's schema up to date")
        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        say("bringing roles and permissions up to date")
        app.appbuilder.add_permissions(update_perms=True)
        app.appbuilder.sm.sync_role_definitions()
        let_anybody_read_texts(app.appbuilder.sm)
        ensure_admin(app.appbuilder.sm, password)
        import_dashboards(app.appbuilder.sm, arguments.dashboards)
        leave_note(superset.db.engine)
    say("done")


def wait_for(what: str, condition, seconds: int = 600) -> None:
    """Polls the metadata database, so that pods may start in any order; says what is missing whenever that changes."""
    import superset_config

    engine = sqlalchemy.create_engine(
        superset_config.SQLALCHEMY_DATABASE_URI, poolclass=sqlalchemy.pool.NullPool, connect_args={"connect_timeout": 5}
    )
    reason, deadline = None, time.monotonic() + seconds
    while True:
        try:
            with engine.connect() as connection:
                if condition(connection):
                    return
                problem = "not yet"
        except sqlalchemy.exc.SQLAlchemyError as error:
            problem = str(getattr(error, "orig", None) or error).strip()
        if problem != reason:
            say(f"waiting for {what}: {problem}")
            reason = problem
        if time.monotonic() > deadline:
            raise SystemExit(f"superset: gave up waiting for {what} after {seconds} s: {problem}")
        time.sleep(2)


def initialised(connection) -> bool:
    """Tells whether init of this very version has finished; it leaves a note, see leave_note."""
    note = sqlalchemy.text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    return connection.execute(note).scalar() == NOTE


def leave_note(engine) -> None:
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"COMMENT ON TABLE alembic_version IS '{NOTE}'"))


def let_anybody_read_texts(security) -> None:
    """Without this the login page, which nobody has signed in to, stays English: its translation asks for a login."""
    permission = security.add_permission_view_menu("can_language_pack", "Superset")
    security.add_permission_role(security.find_role("Public"), permission)


def ensure_admin(security, password: str) -> None:
    """Makes the user admin, or gives it the password that the environment has now."""
    user = security.find_user(username=ADMIN)
    if user is None:
        say(f"adding user {ADMIN}")
        role = security.find_role("Admin")
        user = security.add_user(ADMIN, "Admin", "ILP", "admin@ilp.invalid", role, password=password)
        if not user:
            raise SystemExit(f"user {ADMIN} could not be added; the lines above say why")
        return
    say(f"setting the password of user {ADMIN}")
    security.reset_password(user.id, password)


def import_dashboards(security, folder: Path) -> None:
    """Imports a folder in the layout of Superset's export; what is there already is overwritten."""
    files = sorted(path for path in folder.glob("*/*.yaml") if path.is_file())
    if not files:
        say(f"no dashboards in {folder}")
        return
    from superset.commands.exceptions import CommandInvalidError
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    contents = {"metadata.yaml": "version: 1.0.0\ntype: assets\ntimestamp: '2024-01-01T00:00:00+00:00'\n"}
    contents |= {str(path.relative_to(folder)): specialise(path.read_text()) for path in files}
    say(f"importing {len(files)} files from {folder}")
    with override_user(security.find_user(username=ADMIN)):
        try:
            ImportAssetsCommand(contents).run()
        except CommandInvalidError as error:
            raise SystemExit(f"the dashboards in {folder} are not valid: {error.normalized_messages()}") from error


def specialise(text: str) -> str:
    """Fills ${DISTRICT_NAME} and ${DISTRICT_CODE} into every string of a YAML file, as data and never as syntax."""
    values = {name: os.environ.get(name, "") for name in ("DISTRICT_NAME", "DISTRICT_CODE")}

    def fill(node):
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(value) for value in node]
        return Template(node).safe_substitute(values) if isinstance(node, str) else node

    return yaml.safe_dump(fill(yaml.safe_load(text)), allow_unicode=True)


def say(message: str) -> None:
    print(f"superset: {message}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="ilp-superset", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve").set_defaults(run=serve)
    command = commands.add_parser("init")
    command.add_argument("--dashboards", type=Path, default=DASHBOARDS, help=f"folder to import (default {DASHBOARDS})")
    command.set_defaults(run=init)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
