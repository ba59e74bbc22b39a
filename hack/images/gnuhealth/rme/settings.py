"""The environment that the image is configured by, and its translation into Tryton's own."""
import os
from dataclasses import dataclass

# A Puskesmas without beds. Modules that these depend on are activated with them.
PRIMARY_CARE = (
    'health_contact_tracing',
    'health_dentistry',
    'health_disability',
    'health_gyneco',
    'health_history',
    'health_icd10',
    'health_lab',
    'health_lifestyle',
    'health_ntd_dengue',
    'health_nursing',
    'health_pediatrics_growth_charts_who',
    'health_reporting',
    'health_services_lab',
    'health_socioeconomics',
    'health_stock_nursing',
    'health_who_essential_medicines',
)
RAWAT_INAP = ('health_inpatient', 'health_stock_inpatient')

REQUIRED = ('DB_HOST', 'DB_NAME', 'DB_USER', 'DB_PASSWORD')


class SettingsError(Exception):
    """The environment lacks something or contradicts itself; the message says what."""


@dataclass(frozen=True)
class Settings:
    database: str
    language: str
    modules: tuple
    time_zone: str
    facility_name: str
    facility_code: str
    threads: int

    @classmethod
    def from_environment(cls):
        missing = [name for name in REQUIRED if not os.environ.get(name)]
        if missing:
            raise SettingsError('set ' + ', '.join(missing) + ' in the environment')
        beds = os.environ.get('RAWAT_INAP', 'false')
        if beds not in ('true', 'false'):
            raise SettingsError(f'RAWAT_INAP is {beds!r}; use true or false')
        extra = tuple(name.strip() for name in os.environ.get('EXTRA_MODULES', '').split(',') if name.strip())
        settings = cls(
            database=os.environ['DB_NAME'],
            language=os.environ.get('UI_LANGUAGE', 'id'),
            modules=PRIMARY_CARE + (RAWAT_INAP if beds == 'true' else ()) + extra,
            time_zone=os.environ.get('TIME_ZONE', 'Asia/Jakarta'),
            facility_name=os.environ.get('FACILITY_NAME', ''),
            facility_code=os.environ.get('FACILITY_CODE', ''),
            threads=int(os.environ.get('WEB_THREADS', '8')),
        )
        settings._export()
        return settings

    def _export(self):
        """Hand the settings to libpq and Tryton, which read the environment when they are first imported."""
        os.environ.update({
            'PGHOST': os.environ['DB_HOST'],
            'PGPORT': os.environ.get('DB_PORT', '5432'),
            'PGUSER': os.environ['DB_USER'],
            'PGPASSWORD': os.environ['DB_PASSWORD'],
            'PGSSLMODE': os.environ.get('DB_SSLMODE', 'require'),
            'PGCONNECT_TIMEOUT': '5',
            'TRYTOND_DATABASE_URI': 'postgresql://',
            # The role may open its own database and no other, template1 included.
            'TRYTOND_DATABASE__DEFAULT_NAME': self.database,
            'TRYTOND_DATABASE__LANGUAGE': self.language,
            'TRYTOND_DATABASE__MAXCONN': str(self.threads + 4),
            'TRYTOND_WEB__ROOT': '/srv/web',
            'TRYTOND_WEB__CACHE_TIMEOUT': '3600',
            # The ingress names the client; failed logins are counted per client address.
            'TRYTOND_WEB__NUM_PROXIES': os.environ.get('TRUSTED_PROXIES', '1'),
            'TRYTOND_LOGGING_LEVEL': os.environ.get('LOG_LEVEL', '30'),
        })


def admin_password():
    """The password of the user admin, from ADMIN_PASSWORD or the file that ADMIN_PASSWORD_FILE names."""
    path = os.environ.get('ADMIN_PASSWORD_FILE')
    if path:
        with open(path, encoding='utf-8') as file:
            password = file.read().rstrip('\n')
    else:
        password = os.environ.get('ADMIN_PASSWORD', '')
    if len(password) < 12:
        raise SettingsError('set ADMIN_PASSWORD or ADMIN_PASSWORD_FILE to a password of 12 characters or more')
    return password
