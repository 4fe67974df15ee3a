"""The WSGI application; its worker process ends with the server's."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from sync.central.serving import end_with_parent

end_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sync.central.settings")
application = get_wsgi_application()
