"""Django's settings, made from the configuration (configuration.py); importing them creates nothing."""

from __future__ import annotations

import secrets
from pathlib import Path

from sync.central.centre_keys import DJANGO_KEY
from sync.central.configuration import database_settings, load

KEYDESK = load()

_secret = KEYDESK.directory / DJANGO_KEY
# Before the first start there is no key yet; commands that need none still run.
SECRET_KEY = _secret.read_text(encoding="ascii") if _secret.exists() else secrets.token_urlsafe(48)
DEBUG = False
ALLOWED_HOSTS = list(KEYDESK.hosts)
CSRF_TRUSTED_ORIGINS = list(KEYDESK.origins)

INSTALLED_APPS = [
    "sync.central.console.apps.ConsoleAdminConfig",
    "sync.central.console.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "sync.central.fleet.apps.FleetConfig",
    "sync.central.members.apps.MembersConfig",
    "sync.central.journal.apps.JournalConfig",
    "sync.central.personal.apps.PersonalConfig",
    "sync.central.ledger.apps.LedgerConfig",
    "sync.central.payments.apps.PaymentsConfig",
    "sync.central.login.apps.LoginConfig",
]
MIDDLEWARE = [
    "sync.central.error_numbers.ErrorNumbers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "console" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "sync.central.urls"
DATABASES = {"default": database_settings(KEYDESK)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [{"NAME": "sync.central.console.users.PasswordRule"}]
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

# whitenoise serves static files from the installed packages; nothing is collected.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# No page takes files; uploaded files are never written to the disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
APPEND_SLASH = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "sync.central.error_numbers.LogLine",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "keydesk": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
