"""What the machines of a kiosk signed with: the one that stands there now, and those that it replaced."""

from __future__ import annotations

from kiosk.domain.payment_codes import OrderToken, PaymentCodeError, token_key, verify_token
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import FormerMachine, Kiosk


def payment_secret(kiosk: Kiosk, keys: CentreKeys) -> bytes:
    """The secret that a kiosk and the centre share for tokens and confirmations. Raises SealBroken."""
    return keys.open_secret(kiosk.payment_secret, secret_context(kiosk.number))


def secret_context(kiosk: int) -> str:
    """What a kiosk's payment secret is sealed for."""
    return f"payment secret of kiosk {kiosk}"


def retire(kiosk: Kiosk, now: int) -> None:
    """Keep what the machine that is being replaced signed with (the kiosk's row still has it)."""
    FormerMachine.objects.create(
        kiosk=kiosk,
        replaced_at=now,
        issuing_certificate=bytes(kiosk.issuing_certificate),
        payment_secret=bytes(kiosk.payment_secret),
    )


def verify_order_token(kiosk: Kiosk, data: bytes, keys: CentreKeys) -> tuple[OrderToken, bool]:
    """An order token by this kiosk, and whether the machine made it that stands there now. Raises PaymentCodeError."""
    try:
        return verify_token(data, token_key(payment_secret(kiosk, keys))), True
    except PaymentCodeError:
        for machine in FormerMachine.objects.filter(kiosk=kiosk):
            secret = keys.open_secret(machine.payment_secret, secret_context(kiosk.number))
            try:
                return verify_token(data, token_key(secret)), False
            except PaymentCodeError:
                continue
        raise


def issuing_certificates(kiosk: Kiosk, since: int = 0) -> list[bytes]:
    """The issuing CAs (DER) of its machines that were in use at some time from `since` (UTC seconds) on."""
    former = FormerMachine.objects.filter(kiosk=kiosk, replaced_at__gte=since)
    return [bytes(kiosk.issuing_certificate), *(bytes(each.issuing_certificate) for each in former)]
