"""Tryton's application, for one database, with probes and the scheduler of that database beside it."""
import argparse
import json
import logging
import os
import threading
import time
from http import HTTPStatus

os.environ['TRYTOND_DATABASE_NAMES'] = os.environ['DB_NAME']

import psycopg2  # noqa: E402
from trytond import backend, cron  # noqa: E402
from trytond.application import app as application  # noqa: E402
from trytond.protocols.wrappers import Response  # noqa: E402

DATABASE = os.environ['DB_NAME']
logger = logging.getLogger(__name__)

# The login form asks for the list of databases and hides the field when there is one. Tryton would answer by
# trying to open every database of the server.
backend.Database.list = lambda self, hostname=None: [DATABASE]


@application.route('/custom.js', methods=['GET'])
def custom(request):
    """The web client loads this after its own code. The title tells people whose records they are about to open."""
    title = os.environ.get('FACILITY_NAME') or 'GNU Health'
    return Response(f'Sao.config.title = {json.dumps(title)};\n', content_type='text/javascript')


@application.route('/healthz', methods=['GET'])
def healthz(request):
    """The process answers; nothing outside of it is asked, so that a database that is away restarts no pod."""
    return Response('ok\n', HTTPStatus.OK, content_type='text/plain')


@application.route('/readyz', methods=['GET'])
def readyz(request):
    """The database answers and holds GNU Health's schema."""
    try:
        connection = psycopg2.connect(dbname=DATABASE, connect_timeout=2, application_name='readyz')
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM ir_module WHERE name = 'health' AND state = 'activated'")
                if cursor.fetchone():
                    return Response('ok\n', HTTPStatus.OK, content_type='text/plain')
                reason = 'GNU Health is not activated in the database yet; run migrate'
        finally:
            connection.close()
    except psycopg2.errors.UndefinedTable:
        reason = 'the database is empty; run migrate'
    except psycopg2.Error as error:
        reason = f'the database does not answer: {error}'.strip()
    return Response(reason + '\n', HTTPStatus.SERVICE_UNAVAILABLE, content_type='text/plain')


def _schedule():
    """Scheduled actions lock their table while they run, so the schedulers of several replicas take turns."""
    while True:
        try:
            cron.run(argparse.Namespace(database_names=[DATABASE], once=False))
        except Exception:
            # It ends when the database is away at its first look.
            logger.exception('the scheduler starts again in a minute')
            time.sleep(60)


threading.Thread(target=_schedule, name='cron', daemon=True).start()
