"""The web process: pages and API under WSGI on a bounded pool of threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "direction_commons.config.settings")
django_application = get_wsgi_application()

from direction_commons.config.charset import utf8_only  # noqa: E402  (its imports need Django set up)

application = utf8_only(django_application)
