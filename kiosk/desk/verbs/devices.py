"""The devices before the desk: the key that is in, and scans; and the state of everything."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from hardware.ports import ScannerUnavailable
from kiosk.desk import status
from kiosk.desk.binding import saga
from kiosk.desk.tokens import selection
from kiosk.desk.verbs.outcomes import Outcomes
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import DeskStatus, KeyAnswer
from kiosk.desk.views.tokens import BindingProgress, BindOutcome, TokenOutcome

_LOG = structlog.get_logger()


class DeviceVerbs(Outcomes):
    """The status row, the key that is in, its binding, and scans."""

    def status(self) -> DeskStatus | Refused:
        """The status row; cheap enough for every second."""
        return self._outcome(lambda: status.status(self._desk))

    def ask_centre_now(self) -> Refused | None:
        """Have the agent try the centre at once."""
        return self._outcome(lambda: status.ask_centre_now(self._desk))

    def read_token(
        self,
        reference: str | None = None,
        serial: str | None = None,
        by_staff: bool = False,  # noqa: FBT001, FBT002 - the screens' contract
    ) -> TokenOutcome:
        """Read the token that is meant; takes up to a second, longer while one is being bound."""
        return self._token_outcome(
            "read token",
            lambda: selection.read_token(self._desk, reference, serial, by_staff=by_staff),
        )

    def bind(
        self,
        session: Session,
        reference: str,
        pin: str | None,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        progress: Callable[[BindingProgress], None],
        serial: str | None = None,
    ) -> BindOutcome:
        """Bind the token that is meant, from wherever an earlier call stopped. Takes seconds."""
        return self._token_outcome(
            "bind",
            lambda: saga.bind(
                self._desk,
                session,
                reference,
                pin,
                progress,
                last_try_confirmed=last_try_confirmed,
                serial=serial,
            ),
            order=reference,
        )

    def key_answer(self) -> KeyAnswer:
        """Whether the key that is to be taken away is still in; as long as a key takes to answer."""
        return selection.key_answer(self._desk)

    def leave_keys(self) -> None:
        """Keep the keys that are in from every later visit until they are pulled; asks no device."""
        self._desk.left_keys.leave()

    def see_to_left_keys(self) -> None:
        """Ask for those no longer: staff know of them, or they are said to be gone."""
        self._desk.left_keys.see_to()

    def watch_tokens(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from another thread when a token is inserted or removed; returns a function that stops it."""
        return self._desk.tokens.watch(changed)

    def watch_scans(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        """Call `scanned` from another thread with every scan; returns a function that stops it. Without a scanner it does nothing."""
        if self._desk.scanner is None:
            return _nothing
        try:
            return self._desk.scanner.watch(scanned)
        except ScannerUnavailable as error:
            _LOG.warning("no scanner", problem=str(error))
            return _nothing


def _nothing() -> None:
    """The stop of a watch that was never begun."""
