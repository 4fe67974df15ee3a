"""The SMS providers: a sandbox, or none. Each takes a template's name and parameters."""

from __future__ import annotations

from typing import Protocol, assert_never

import msgspec
from django.conf import settings

from sync.central.configuration import SmsProviderName
from sync.central.login.messages import LONGEST_TEXT, Parameters, worded
from sync.central.login.models import SandboxMessage
from sync.central.tables import column_text


class Message(msgspec.Struct, frozen=True):
    """One message to an operator's phone; `sent_at` in UTC seconds."""

    account: str
    phone: str
    parameters: Parameters
    sent_at: int

    def __repr__(self) -> str:
        """Show the account and the template, not its parameters."""
        return f"Message({self.account}, {self.parameters.template.value})"


class MessageNotSent(Exception):
    """The provider did not take the message; `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SmsProvider(Protocol):
    """Sends messages; `sends` is false for one that never does."""

    sends: bool

    def send(self, message: Message) -> None:
        """Hand a message over. Raises MessageNotSent."""
        ...


class SandboxSms:
    """Stores messages for whoever plays the phone."""

    sends = True

    def send(self, message: Message) -> None:
        """Store the message."""
        SandboxMessage.objects.create(
            account=message.account,
            phone=message.phone,
            text=column_text(worded(settings.KEYDESK.system, message.parameters), LONGEST_TEXT),
            sent_at=message.sent_at,
        )


class NoSms:
    """Sends nothing, for an exchange whose members log in without codes."""

    sends = False

    def send(self, message: Message) -> None:
        """Refuse the message. Raises MessageNotSent."""
        raise MessageNotSent(f"no SMS provider is configured, {message.account} gets no code")


def sms_provider(name: SmsProviderName) -> SmsProvider:
    """The provider of that name."""
    match name:
        case SmsProviderName.SANDBOX | SmsProviderName.UNCHOSEN:
            return SandboxSms()
        case SmsProviderName.NONE:
            return NoSms()
        case _:
            assert_never(name)
