"""The application that the server's worker runs; its process ends with the server's."""

from __future__ import annotations

import atexit
import os

from django.core.wsgi import get_wsgi_application

from sync.central import configuration
from sync.central.preparing import Occupancy, work_beside_others
from sync.central.receiving import Receiver
from sync.central.serving import THREADS, end_unread_answers, end_with_parent

end_with_parent()
_PLACE = Occupancy(configuration.load().directory)
_PLACE.share()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sync.central.settings")
work_beside_others()
application = Receiver(get_wsgi_application(), THREADS, at_first=end_unread_answers)
# A worker that served ends here: Python's own end would meet granian's threads, which abort then.
atexit.register(os._exit, 0)
