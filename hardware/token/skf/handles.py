"""The profile's application and container on one key, opened when they are first needed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hardware.ports import NoKeyPair, NotSupported, TokenError, TokenNotPrepared
from hardware.token.skf.codes import SarCode
from hardware.token.skf.layout import names
from hardware.token.skf.preparation import applications
from hardware.token.skf.session import LONGEST_LIST, handle_of, number_of

if TYPE_CHECKING:
    from hardware.token.skf.session import SkfSession

_EMPTY_CONTAINER: Final = 0
"""What SKF_GetContainerType says of a container without a key pair."""


class SkfHandles:
    """The handles of one connection; every method may raise TokenError."""

    def __init__(self, session: SkfSession, device: int) -> None:
        self._session = session
        self._device = device
        self._application: int | None = None
        self._container: int | None = None

    def application(self) -> int:
        """Open the profile's application, once. Raises TokenNotPrepared where the key has none of that name."""
        if self._application is None:
            name = self._session.profile.application.encode()
            function = "SKF_OpenApplication"
            code, answer = self._session.call(function, self._device, name)
            if code != SarCode.OK:
                self._session.require_presence(function, answer, code)
                # Libraries tell a missing application by various codes: the list tells it for sure.
                if name not in applications(self._session, self._device):
                    raise TokenNotPrepared("the key has no application of the desk's")
                raise self._session.failure(function, answer, code)
            self._application = handle_of(function, answer)
        return self._application

    def container(self) -> int | None:
        """Open the profile's container, once; where there is none the key is asked again each time."""
        if self._container is None:
            application = self.application()
            name = self._session.profile.container.encode()
            code, answer = self._session.call("SKF_OpenContainer", application, name)
            if code == SarCode.OK:
                self._container = handle_of("SKF_OpenContainer", answer)
            else:
                self._session.require_presence("SKF_OpenContainer", answer, code)
                if name in self._containers(application):
                    raise self._session.failure("SKF_OpenContainer", answer, code)
        return self._container

    def needed_container(self) -> int:
        """Open the profile's container. Raises NoKeyPair where there is none."""
        container = self.container()
        if container is None:
            raise NoKeyPair("the key has no container yet")
        return container

    def made_container(self) -> int:
        """Open the profile's container, or make it. Raises SecurityNotSatisfied, TokenFull."""
        container = self.container()
        if container is None:
            name = self._session.profile.container.encode()
            container = self._session.demand_handle("SKF_CreateContainer", self.application(), name)
            self._container = container
        return container

    def is_empty(self, container: int) -> bool:
        """Whether the key says that a container holds nothing; a library that cannot tell does not say so."""
        with contextlib.suppress(NotSupported):
            code, answer = self._session.call("SKF_GetContainerType", container)
            return code == SarCode.OK and number_of(answer, -1) == _EMPTY_CONTAINER
        return False

    def clear(self) -> None:
        """Take the PIN's verification back, if there can have been one."""
        if self._application is not None:
            with contextlib.suppress(TokenError):
                self._session.call("SKF_ClearSecureState", self._application)

    def close(self) -> None:
        """Close what was opened; a handle that the key no longer knows is closed enough."""
        container, self._container = self._container, None
        application, self._application = self._application, None
        with contextlib.ExitStack() as rest:
            if application is not None:
                rest.callback(self._session.call, "SKF_CloseApplication", application)
            if container is not None:
                rest.callback(self._session.call, "SKF_CloseContainer", container)

    def _containers(self, application: int) -> tuple[bytes, ...]:
        code, answer, data = self._session.fetch("SKF_EnumContainer", application, longest=LONGEST_LIST)
        if code != SarCode.OK:
            raise self._session.failure("SKF_EnumContainer", answer, code)
        return names(data)
