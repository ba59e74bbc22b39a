"""python -m rme serve|migrate"""
import argparse
import sys

from . import migrate, serve
from .settings import Settings, SettingsError


def main():
    parser = argparse.ArgumentParser(prog='rme')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('serve', help='answer requests on port 8000').set_defaults(run=serve.run)
    commands.add_parser('migrate', help='bring the database to what this image needs; safe to repeat').set_defaults(run=migrate.run)
    arguments = parser.parse_args()
    try:
        return arguments.run(Settings.from_environment())
    except SettingsError as error:
        print(f'rme: {error}', file=sys.stderr)
        return 2


sys.exit(main())
