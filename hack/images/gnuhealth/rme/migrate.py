"""Creates or updates the schema, activates the modules, and keeps admin and facility as the settings have them."""
import hashlib
import time
from importlib import metadata

from . import facility
from .settings import SettingsError, admin_password

# Held while migrating, so that two Jobs on one database take turns. The number has no meaning but its being ours.
LOCK = 0x696C7001
WAIT_SECONDS = 120


def run(settings):
    import psycopg2

    password = admin_password()
    connection = _connect(psycopg2, settings)
    connection.autocommit = True
    with connection.cursor() as cursor:
        _say('waiting for the migration lock')
        cursor.execute('SELECT pg_advisory_lock(%s)', (LOCK,))
        # A table of ours tells which software the schema was last brought to: updating every module takes minutes.
        cursor.execute('CREATE TABLE IF NOT EXISTS rme_schema ('
                       'fingerprint text NOT NULL, migrated_at timestamptz NOT NULL DEFAULT now())')
        cursor.execute('SELECT fingerprint FROM rme_schema ORDER BY migrated_at DESC LIMIT 1')
        row = cursor.fetchone()
        wanted = _fingerprint(settings)
        current = row is not None and row[0] == wanted
        _load(settings, update=not current)
        _configure(settings, password)
        if not current:
            cursor.execute('INSERT INTO rme_schema (fingerprint) VALUES (%s)', (wanted,))
    connection.close()
    _say('done')
    return 0


def _connect(psycopg2, settings):
    """The role and the database may still be on their way when the Job starts."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return psycopg2.connect(dbname=settings.database, application_name='migrate')
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise SettingsError(f'database {settings.database} cannot be opened: {error}') from error
            _say(f'waiting for the database: {str(error).strip()}')
            time.sleep(5)


def _fingerprint(settings):
    software = sorted(f'{each.name}=={each.version}' for each in metadata.distributions())
    parts = software + sorted(settings.modules) + [settings.language]
    return hashlib.sha256('\n'.join(parts).encode()).hexdigest()


def _load(settings, update):
    from trytond import backend
    from trytond.modules import get_modules
    from trytond.pool import Pool

    unknown = sorted(set(settings.modules) - get_modules())
    if unknown:
        raise SettingsError('EXTRA_MODULES asks for what this image does not contain: ' + ', '.join(unknown))
    if not update:
        _say('the schema is what this image needs')
        Pool(settings.database).init()
        return
    database = backend.Database(settings.database)
    if not database.test():
        _say('creating the schema')
        database.init()
    _say(f'updating {len(settings.modules)} modules and those they depend on')
    # Everything depends on ir, so naming it updates whatever is active already.
    Pool(settings.database).init(
        update=['ir', *settings.modules], lang=['en', settings.language], activatedeps=True)


def _configure(settings, password):
    from trytond.model.exceptions import ValidationError
    from trytond.pool import Pool
    from trytond.transaction import Transaction, TransactionError, inactive_records

    extras = {}
    while True:
        with Transaction().start(settings.database, 0, **extras) as transaction:
            pool = Pool()
            User, Language = pool.get('res.user'), pool.get('ir.lang')
            try:
                language, = Language.search([('code', '=', settings.language)])
                Language.write([language], {'translatable': True})
                configuration = pool.get('ir.configuration')(1)
                configuration.language = settings.language
                configuration.save()
                with inactive_records():
                    admin, = User.search([('login', '=', 'admin')])
                if not admin.language:
                    admin.language = language
                if not _matches(User, admin, password):
                    _say('setting the password of admin')
                    admin.password = password
                admin.save()
                facility.describe(settings, admin)
                return
            except TransactionError as error:
                transaction.rollback()
                error.fix(extras)
            except ValidationError as error:
                raise SettingsError(f'GNU Health refuses the settings: {error}') from error


def _matches(User, admin, password):
    hashed = User._get_login('admin')[1]
    return bool(hashed) and User.check_password(password, hashed)[0]


def _say(text):
    print(f'migrate: {text}', flush=True)
