"""The SMS providers: a sandbox, or none."""

from __future__ import annotations

from typing import Protocol, assert_never

import msgspec

from sync.central.configuration import SmsProviderName
from sync.central.login.models import SandboxMessage


class Message(msgspec.Struct, frozen=True):
    """One message to an operator's phone; `sent_at` in UTC seconds."""

    account: str
    phone: str
    text: str
    sent_at: int

    def __repr__(self) -> str:
        """Show the account, not the text with its code."""
        return f"Message({self.account})"


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
            account=message.account, phone=message.phone, text=message.text, sent_at=message.sent_at
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
