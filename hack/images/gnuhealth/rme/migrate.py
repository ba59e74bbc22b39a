"""Creates or updates the schema, activates the modules, and keeps admin and facility as the settings have them."""
import hashlib
import time
from contextlib import contextmanager
from importlib import metadata

from . import facility, template
from .settings import SettingsError, admin_password

# Held while migrating, so that two Jobs on one database take turns. The number has no meaning but its being ours.
LOCK = 0x696C7001
WAIT_SECONDS = 120
# With these, searches ignore accents and find parts of words through an index. A database's owner may create them.
EXTENSIONS = ('btree_gin', 'pg_trgm', 'unaccent')


def run(settings):
    password = admin_password()
    with _locked(settings) as connection:
        _bring_up(settings, connection)
        _configure(settings, password)
    _say('done')
    return 0


def build_template(settings):
    """What run does to an empty database, less everything that is a facility's own; called while the image is built."""
    with _locked(settings) as connection:
        _bring_up(settings, connection)
    return 0


@contextmanager
def _locked(settings):
    connection = _connect(settings)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            _say('waiting for the migration lock')
            cursor.execute('SELECT pg_advisory_lock(%s)', (LOCK,))
        yield connection
    finally:
        connection.close()


def _bring_up(settings, connection):
    from trytond.modules import get_modules
    from trytond.pool import Pool

    unknown = sorted(set(settings.modules) - get_modules())
    if unknown:
        raise SettingsError('EXTRA_MODULES asks for what this image does not contain: ' + ', '.join(unknown))
    with connection.cursor() as cursor:
        for extension in EXTENSIONS:
            cursor.execute(f'CREATE EXTENSION IF NOT EXISTS {extension}')
        if _is_empty(cursor):
            _create(settings)
        # A table of ours tells which software the schema was last brought to: updating every module takes minutes.
        cursor.execute('CREATE TABLE IF NOT EXISTS public.rme_schema ('
                       'software text NOT NULL, migrated_at timestamptz NOT NULL DEFAULT now())')
        cursor.execute('SELECT software FROM public.rme_schema ORDER BY migrated_at DESC LIMIT 1')
        row = cursor.fetchone()
        wanted = _software(settings)
        cursor.execute("SELECT name FROM ir_module WHERE state = 'activated'")
        missing = sorted(set(settings.modules) - {name for name, in cursor})
        if row is None or row[0] != wanted:
            # Everything depends on ir, so naming it updates whatever is active already.
            missing.insert(0, 'ir')
        if missing:
            _say('updating ' + ', '.join(missing) + ' and what depends on them')
        Pool(settings.database).init(
            update=missing, lang=['en', settings.language] if missing else None, activatedeps=True)
        if 'ir' in missing:
            cursor.execute('INSERT INTO public.rme_schema (software) VALUES (%s)', (wanted,))


def _is_empty(cursor):
    cursor.execute("SELECT to_regclass('public.ir_module')")
    return cursor.fetchone()[0] is None


def _create(settings):
    """From the template where there is one: that takes seconds, and Tryton's own way minutes."""
    from trytond import backend

    if template.PATH.exists():
        _say('creating the schema from the template')
        connection = _connect(settings)
        try:
            template.restore(connection)
        finally:
            connection.close()
    else:
        _say('creating the schema')
        backend.Database(settings.database).init()


def _connect(settings):
    """The role and the database may still be on their way when the Job starts."""
    import psycopg2

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return psycopg2.connect(dbname=settings.database, application_name='migrate')
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise SettingsError(f'database {settings.database} cannot be opened: {error}') from error
            _say(f'waiting for the database: {str(error).strip()}')
            time.sleep(5)


def _software(settings):
    """A digest of the packages and of the language whose translations the schema holds."""
    packages = sorted(f'{each.name}=={each.version}' for each in metadata.distributions())
    return hashlib.sha256('\n'.join([*packages, settings.language]).encode()).hexdigest()


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
                _retire_demonstration_users(pool)
                _skip_wizards(pool)
                facility.describe(settings, admin)
                return
            except TransactionError as error:
                transaction.rollback()
                error.fix(extras)
            except ValidationError as error:
                raise SettingsError(f'GNU Health refuses the settings: {error}') from error


def _retire_demonstration_users(pool):
    """GNU Health's modules bring users with published passwords along, and leave some of them active."""
    from trytond.transaction import inactive_records

    User, Data = pool.get('res.user'), pool.get('ir.model.data')
    brought = Data.search([('model', '=', 'res.user'), ('module', 'like', 'health%')])
    with inactive_records():
        users = User.search([('id', 'in', [each.db_id for each in brought]), ('password_hash', '!=', None)])
    if users:
        _say('closing ' + ', '.join(sorted(user.login for user in users)))
        User.write(users, {'active': False, 'password': None})


def _skip_wizards(pool):
    """Company and users come from the settings, so the admin is not greeted by the wizards that would ask for them."""
    Item = pool.get('ir.module.config_wizard.item')
    Item.write(Item.search([('state', '=', 'open')]), {'state': 'done'})


def _matches(User, admin, password):
    hashed = User._get_login('admin')[1]
    return bool(hashed) and User.check_password(password, hashed)[0]


def _say(text):
    print(f'migrate: {text}', flush=True)
