"""Superset's configuration. It holds no value of any district: those come from the environment."""

import os
from datetime import timedelta

from sqlalchemy.engine import URL


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(f"environment variable {name} is empty: set it and start again")
    return value


# Metadata: users, roles, dashboards.
SQLALCHEMY_DATABASE_URI = URL.create(
    "postgresql+psycopg2",
    username=required("DB_USER"),
    password=required("DB_PASSWORD"),
    host=required("DB_HOST"),
    port=int(os.environ.get("DB_PORT", "5432")),
    database=required("DB_NAME"),
    query={"sslmode": os.environ.get("DB_SSLMODE", "require")},
).render_as_string(hide_password=False)
SQLALCHEMY_ENGINE_OPTIONS = {
    "pool_pre_ping": True,
    "pool_size": 5,
    "max_overflow": 5,
    "pool_recycle": 1800,
}

SECRET_KEY = required("SECRET_KEY")

# What the dashboards show. Their YAML names the database by the alias below and nothing else; host, user and password are
# put in when a connection is made, so that they are in no export and not in the metadata, and a new password only
# needs a restart.
PWS_ALIAS = "pws.invalid"


def DB_CONNECTION_MUTATOR(uri, params, username, security_manager, source):  # noqa: N802
    if uri.host != PWS_ALIAS:
        return uri, params
    uri = uri.set(
        username=required("PWS_USER"),
        password=required("PWS_PASSWORD"),
        host=required("PWS_HOST"),
        port=int(os.environ.get("PWS_PORT", "5432")),
        database=os.environ.get("PWS_DB", "pws"),
        query={
            "sslmode": os.environ.get("PWS_SSLMODE", "require"),
            "connect_timeout": "10",
            "options": "-c default_transaction_read_only=on -c statement_timeout=30s",
        },
    )
    return uri, params


# Language and numbers as people of the district write them.
BABEL_DEFAULT_LOCALE = os.environ.get("LANGUAGE", "id")
LANGUAGES = {
    "id": {"flag": "id", "name": "Bahasa Indonesia"},
    "en": {"flag": "us", "name": "English"},
}
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["Rp", ""]}
CURRENCIES = ["IDR"]

# Who may come in, and how.
AUTH_USER_REGISTRATION = False
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("COOKIE_SECURE", "true") != "false"
PERMANENT_SESSION_LIFETIME = timedelta(hours=12)
ENABLE_PROXY_FIX = True
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
FAB_API_SWAGGER_UI = False
# Roles and permissions are written by init alone; a serving process only reads them.
FAB_UPDATE_PERMS = False

# The browser talks to this server alone: no analytics, no maps, no fonts from elsewhere.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # TLS ends at the Ingress
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}

# One process tree and no Redis: query results are kept for a minute in /tmp, the state of filters in the metadata.
CACHE_CONFIG = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_DIR": "/tmp/superset-cache",
    "CACHE_DEFAULT_TIMEOUT": 60,
    "CACHE_THRESHOLD": 500,
}
DATA_CACHE_CONFIG = CACHE_CONFIG
CELERY_CONFIG = None
RESULTS_BACKEND = None

ROW_LIMIT = 10_000
SQL_MAX_ROW = 50_000
SUPERSET_WEBSERVER_TIMEOUT = 60
FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    "THUMBNAILS": False,
    "EMBEDDABLE_CHARTS": False,
    "DASHBOARD_VIRTUALIZATION": True,
}
SQLALCHEMY_EXAMPLES_URI = SQLALCHEMY_DATABASE_URI

# Appearance. The pictures are in the image's assets folder.
APP_NAME = "ILP"
FAVICONS = [{"href": "/static/assets/ilp/ilp-icon.svg"}]
SPINNER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="40" height="40" fill="none" stroke-width="4">'
    '<circle cx="20" cy="20" r="16" stroke="#d5e3e2"/>'
    '<path d="M20 4a16 16 0 0 1 16 16" stroke="#0b7a75" stroke-linecap="round">'
    '<animateTransform attributeName="transform" type="rotate" from="0 20 20" to="360 20 20" dur="1s" repeatCount="indefinite"/>'
    "</path></svg>"
)
THEME_DEFAULT = {
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": "Integrasi Layanan Primer",
        "brandLogoUrl": "/static/assets/ilp/ilp.svg",
        "brandLogoHref": "/",
        "brandLogoHeight": "32px",
        "brandLogoMargin": "10px 0",
        "brandSpinnerSvg": SPINNER,
        "colorPrimary": "#0b7a75",
        "colorPrimaryBg": "#e0f2f0",
        "colorPrimaryBgHover": "#cdeae7",
        "colorLink": "#0b7a75",
        "colorSuccess": "#2e9e6b",
        "colorWarning": "#e0a030",
        "colorError": "#c8553d",
        "fontFamily": "Inter, Helvetica, Arial, sans-serif",
        "fontUrls": [],
        "transitionTiming": 0.3,
        "brandIconMaxWidth": 37,
        "fontWeightStrong": "500",
    },
    "algorithm": "default",
}
THEME_DARK = None
