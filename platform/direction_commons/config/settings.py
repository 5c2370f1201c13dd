"""Settings. Everything that differs between machines is an environment variable; all have local defaults.

The embedded default (`make run`) sets these variables itself; docker/compose.yaml sets the same ones.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

import platformdirs
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

ROOT = Path(__file__).resolve().parents[3]


def env(name: str, default: str = "") -> str:
    return os.environ.get(f"DIRECTION_COMMONS_{name}", default)


HOME = Path(env("HOME") or platformdirs.user_data_dir("direction-commons"))

# Without one: a new key each time, good enough for tests and commands, and no key that anybody could know.
SECRET_KEY = env("SECRET_KEY") or secrets.token_urlsafe(50)
DEBUG = env("DEBUG") == "1"
ALLOWED_HOSTS = env("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in env("TRUSTED_ORIGINS").split(",") if origin]
# So many proxies in front of us are ours; whatever else X-Forwarded-For says is not believed.
TRUSTED_PROXIES = ALLAUTH_TRUSTED_PROXY_COUNT = int(env("TRUSTED_PROXIES", "0"))

INSTALLED_APPS = [
    "direction_commons.accounts",
    "direction_commons.media",
    "direction_commons.jobs",
    "direction_commons.api",
    "direction_commons.local",
    "directions.tray",
    "directions.semantics",
    "directions.generators",
    "directions.evidence",
    "directions.inversions",
    "directions.pairs",
    "directions.community",
    "directions.discover",
    "directions.catalog",
    "directions.studio",
    "directions.demonstration",
    "directions.home",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "direction_commons.pages.UserErrorMiddleware",
    "direction_commons.config.middleware.RequestSizeMiddleware",
]

ROOT_URLCONF = "direction_commons.config.urls"
WSGI_APPLICATION = "direction_commons.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "directions.generators.context.drawn_world",
            ],
        },
    },
]


JOB_LEASE_SECONDS = int(env("JOB_LEASE_SECONDS", "60"))


def database(url: str) -> dict[str, object]:
    """postgresql://user:password@host:port/name; a socket folder goes in ?host=/folder."""
    parts = urlparse(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A process that is stopped within a transaction keeps its rows from everybody else: not for ever.
        "OPTIONS": {"options": f"-c idle_in_transaction_session_timeout={max(10, JOB_LEASE_SECONDS) * 1000}"},
    }


DATABASES = {
    "default": database(env("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/direction_commons"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_URL = env("VALKEY_URL", "redis://127.0.0.1:6379/0")
# A unix socket is unix:///path?db=0 to redis-py, and redis+socket:///path?virtual_host=0 to Celery.
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = (
    VALKEY_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    if VALKEY_URL.startswith("unix://")
    else VALKEY_URL
)
CACHE_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
CACHES = {
    # Throttles and the like: without Valkey everything is a miss, and nobody is refused or kept waiting.
    "default": {
        "BACKEND": "direction_commons.config.cache.ForgivingRedisCache",
        "LOCATION": VALKEY_URL,
        "OPTIONS": CACHE_OPTIONS,
    },
    # For those who want to know that Valkey is away: /healthz.
    "valkey": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": VALKEY_URL,
        "OPTIONS": CACHE_OPTIONS,
    },
}

# --- people -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["direction_commons.accounts.backends.PeopleBackend"]
ACCOUNT_ADAPTER = "direction_commons.accounts.adapter.PeopleAdapter"
ACCOUNT_FORMS = {
    "login": "direction_commons.accounts.forms.SignInForm",
    "signup": "direction_commons.accounts.forms.SignUpForm",
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_UNIQUE_EMAIL = True
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
PERSON_PAGE = "home:me"  # where a person finds all that is theirs; it shows every room: the top room has it
EMAIL_HOST = env("EMAIL_HOST")  # without a mail server, mails go to the log
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = int(env("EMAIL_PORT", "587"))
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env("EMAIL_USER"), env("EMAIL_PASSWORD")
EMAIL_SECURITY = env("EMAIL_SECURITY", "starttls")
if EMAIL_SECURITY not in ("starttls", "tls", "none"):  # a slip here would send the password in the clear
    raise ImproperlyConfigured(
        f"DIRECTION_COMMONS_EMAIL_SECURITY is {EMAIL_SECURITY!r}: starttls, tls or none"
    )
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 10  # seconds: a mail is sent within the request
DEFAULT_FROM_EMAIL = env("FROM_EMAIL", "Direction Commons <noreply@localhost>")

# Quotas, per person. "A day" counts what was sent since midnight UTC, whatever was deleted again.
QUOTA_PAIRS_A_DAY = int(env("QUOTA_PAIRS_A_DAY", "200"))
QUOTA_PHOTOS_A_DAY = int(env("QUOTA_PHOTOS_A_DAY", "200"))
QUOTA_PHOTOS = int(env("QUOTA_PHOTOS", "200"))
QUOTA_RECIPES = int(env("QUOTA_RECIPES", "2000"))
QUOTA_BYTES = int(env("QUOTA_BYTES", str(1024**3)))

# --- pictures ---------------------------------------------------------------------------------------
MEDIA_ROOT = Path(env("MEDIA_ROOT") or HOME / "media")
MEDIA_MAX_BYTES = 10 * 1024**2
MEDIA_MAX_PIXELS = 25_000_000
UPLOADS_A_MINUTE = int(env("UPLOADS_A_MINUTE", "60"))  # of one account: each is decoded, refused ones too
MEDIA_MAX_REQUEST_BYTES = 2 * MEDIA_MAX_BYTES + 1024**2  # a before, an after and a few words
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2
FILE_UPLOAD_MAX_MEMORY_SIZE = MEDIA_MAX_REQUEST_BYTES  # a picture as it came never touches the disk

EVIDENCE_SHIPPED = ROOT / "docs" / "evidence"  # a folder a report, as `inference evaluate` writes it

STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT") or HOME / "static")
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {
        "BACKEND": "direction_commons.media.storage.DurableFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- work -------------------------------------------------------------------------------------------
# The job row is the truth; a message only says "look", so Celery acks early and keeps no state.
CELERY_TASK_IGNORE_RESULT = True
# A request that rings waits half a second for a broker that is away (measured: six seconds without these).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 2.5,
    "max_retries": 1,
    "interval_start": 0.0,
    "interval_step": 0.0,
    "interval_max": 0.0,
    "connect_retries_timeout": 0.5,
}
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 0.5
CELERY_RESULT_EXPIRES = 60
CELERY_TASK_DEFAULT_QUEUE = "batch"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # Valkey may be away for long: wait, and never give up
UPKEEP = ("jobs.forget", "media.clean", "api.forget", "accounts.clear-sessions", "accounts.forget-usage")
CELERY_BEAT_SCHEDULE = {
    "ring-batch": {
        "task": "jobs.ring",
        "schedule": 15.0,
        "args": ["batch"],
        "options": {"queue": "batch", "expires": 15},
    },
    **{name: {"task": name, "schedule": 6 * 3600.0} for name in UPKEEP},
}
JOB_MAX_ATTEMPTS = 3
JOB_RETRY_SECONDS = int(env("JOB_RETRY_SECONDS", "3"))  # the second attempt waits once, the third twice that
DEVICE = env("DEVICE")
# A preview is refused as busy after so many seconds, and so many may hold a web thread at once, a process.
PREVIEW_SECONDS = float(env("PREVIEW_SECONDS", "5"))
PREVIEWS_IN_FLIGHT = int(env("PREVIEWS_IN_FLIGHT", "4"))
PREVIEWS_A_MINUTE = int(env("PREVIEWS_A_MINUTE", "600"))  # of one account, or of one address

# --- what the unsupervised finders found -----------------------------------------------------------------
DISCOVER_COMPONENTS = int(env("DISCOVER_COMPONENTS", "10"))  # of each finder, on each generator; 0: none
DISCOVER_AGREEING = int(env("DISCOVER_AGREEING", "2"))  # so many people make a name, or set aside
if DISCOVER_COMPONENTS < 0 or DISCOVER_AGREEING < 1:
    raise ImproperlyConfigured("DISCOVER_COMPONENTS is 0 or more, DISCOVER_AGREEING 1 or more")
OPINIONS_A_MINUTE = int(env("OPINIONS_A_MINUTE", "60"))  # of one account

# --- the local stack: what `make run` does by name, so that the platform knows no room above it -----------
# When something changed; a bundle that was exchanged is a new generator, on which the commons is derived.
LOCAL_PREPARE_COMMANDS = [
    ["generator_register", "portraits"],
    ["derive"],
    ["samples_install"],
    ["evidence_install"],
    ["discover"],
]
LOCAL_READY_COMMANDS = [["demo_start"]]  # whenever pages answer

# --- security ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "script-src": [SELF],
        "style-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
CSRF_FAILURE_VIEW = "direction_commons.pages.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_HTTPS = env("HTTPS") == "1"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_HTTPS
if SECURE_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- API --------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "direction_commons.accounts.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_PARSER_CLASSES": [
        "direction_commons.api.parsers.CarefulJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "direction_commons.api.schema.CommonsSchema",
    "EXCEPTION_HANDLER": "direction_commons.api.errors.exception_handler",
    "NUM_PROXIES": TRUSTED_PROXIES,
}
THROTTLES = {
    "sign-up": "20/min",
    "password": "30/min",
    "password-of-one": "10/min",
    "previews": f"{PREVIEWS_A_MINUTE}/min",
    "uploads": f"{UPLOADS_A_MINUTE}/min",
    "opinions": f"{OPINIONS_A_MINUTE}/min",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Direction Commons",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",  # operations are named and grouped by what follows it
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- logs: one line an event, to the error stream; `make run` gives each process a file of its own -------
LOG_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
# Without the frames' local variables (structlog's default): they hold passwords, tokens and pictures.
LOG_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
LOG_RENDERER = (
    [LOG_TRACEBACKS, structlog.processors.JSONRenderer()]
    if env("LOG_FORMAT") == "json"
    else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "events": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": LOG_SHARED,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *LOG_RENDERER],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        # Django's own handlers would print a second time, or only when DEBUG is on.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
structlog.configure(
    processors=[*LOG_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
