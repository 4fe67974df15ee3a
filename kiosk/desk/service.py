"""The desk's verbs gathered for the screens: whatever ends a verb early becomes an outcome here.

Every method may be called from any thread. A store that is busy, full or unreadable ends every verb with the same
outcome, Refused. What is left to raise is a fault of the program, and goes to the log.
"""

from __future__ import annotations

from kiosk.desk.verbs.devices import DeviceVerbs
from kiosk.desk.verbs.keys import KeyVerbs
from kiosk.desk.verbs.orders import OrderVerbs
from kiosk.desk.verbs.people import MemberVerbs, StaffVerbs
from kiosk.desk.verbs.requests import RequestVerbs


class DeskService(OrderVerbs, MemberVerbs, DeviceVerbs, KeyVerbs, RequestVerbs, StaffVerbs):
    """The desk as the screens see it; each verb is documented where it is defined."""
