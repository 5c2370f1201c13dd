"""The web process: pages and API under WSGI on a bounded pool of threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "direction_commons.config.settings")
application = get_wsgi_application()
