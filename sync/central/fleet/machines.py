"""Secrets and issuing certificates of a kiosk's machines: the present one and those that it replaced."""

from __future__ import annotations

from kiosk.domain.payment_codes import OrderCode, PaymentCodeError, order_code_key, verify_order_code
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import FormerMachine, Kiosk


def payment_secret(kiosk: Kiosk, keys: CentreKeys) -> bytes:
    """The secret that a kiosk and the centre share for tokens and confirmations. Raises SealBroken."""
    return keys.open_secret(kiosk.payment_secret, secret_context(kiosk.number))


def secret_context(kiosk: int) -> str:
    """The context under which a kiosk's payment secret is sealed."""
    return f"payment secret of kiosk {kiosk}"


def retire(kiosk: Kiosk, now: int) -> None:
    """Store the secret and the certificate of the machine that is being replaced, from the kiosk's row."""
    FormerMachine.objects.create(
        kiosk=kiosk,
        replaced_at=now,
        issuing_certificate=bytes(kiosk.issuing_certificate),
        payment_secret=bytes(kiosk.payment_secret),
    )


def verified_order_code(kiosk: Kiosk, data: bytes, keys: CentreKeys) -> tuple[OrderCode, bool]:
    """An order token of this kiosk, and whether its present machine made it. Raises PaymentCodeError."""
    try:
        return verify_order_code(data, order_code_key(payment_secret(kiosk, keys))), True
    except PaymentCodeError:
        for machine in FormerMachine.objects.filter(kiosk=kiosk):
            secret = keys.open_secret(machine.payment_secret, secret_context(kiosk.number))
            try:
                return verify_order_code(data, order_code_key(secret)), False
            except PaymentCodeError:
                continue
        raise


def issuing_certificates(kiosk: Kiosk, since: int = 0) -> list[bytes]:
    """The issuing CAs (DER) of the kiosk's machines that were in use at or after `since` (UTC seconds)."""
    former = FormerMachine.objects.filter(kiosk=kiosk, replaced_at__gte=since)
    return [bytes(kiosk.issuing_certificate), *(bytes(each.issuing_certificate) for each in former)]
