"""The facts that a request takes (where a key is mailed, to whom an invoice is made out, who is proposed): tidied, and what is wrong with each field."""

from __future__ import annotations

import enum
import re
from datetime import date

from kiosk.domain.contacts import ContactFault, email_fault, mobile_fault, phone_fault, tidy_email, tidy_phone
from kiosk.domain.credit_codes import CREDIT_CODE_LENGTH, CreditCodeFault, credit_code_fault, tidy_code
from kiosk.domain.documents import DocumentFault, HolderFault, document_fault, holder_fault
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.names import NameFault, NameRefused, tidy_name
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails

LONGEST = {"recipient": 40, "region": 60, "title": 100, "bank": 100, "address": 100}
"""Characters of a text; the tax authority's form of invoices takes as many of title, address and bank."""
_POSTCODE = re.compile(r"[0-9]{6}")
_BANK_ACCOUNT = re.compile(r"[0-9A-Z]{5,32}")


class NumberFault(enum.StrEnum):
    """Why a text is no postcode or no account at a bank."""

    POSTCODE = "postcode"
    BANK_ACCOUNT = "bank-account"


FactFault = NameFault | ContactFault | CreditCodeFault | NumberFault
FactFaults = dict[str, FactFault]
"""What is wrong, by the field of the record."""
OperatorFault = NameFault | HolderFault | DocumentFault | ContactFault
OperatorFaults = dict[str, OperatorFault]
"""The same of who is proposed; of names only that there is none."""


def judged_delivery(typed: DeliveryAddress) -> tuple[DeliveryAddress, FactFaults]:
    """Return an address as it is kept, and what is wrong with it; without a phone it is the account's bound one."""
    faults = FactFaults()
    phone, postcode = tidy_phone(typed.phone), tidy_code(typed.postcode)
    if phone and (fault := phone_fault(phone)) is not None:
        faults["phone"] = fault
    if postcode and _POSTCODE.fullmatch(postcode) is None:
        faults["postcode"] = NumberFault.POSTCODE
    return (
        DeliveryAddress(
            recipient=_text("recipient", typed.recipient, faults),
            region=_text("region", typed.region, faults),
            address=_text("address", typed.address, faults),
            phone=phone,
            postcode=postcode,
        ),
        faults,
    )


def judged_invoice(kind: InvoiceKind, typed: InvoiceDetails) -> tuple[InvoiceDetails, FactFaults]:
    """Return an invoice's details as they are kept, and what is wrong with them.

    A person's 普票 needs no credit code; whatever is typed of a code must be right.
    """
    faults = FactFaults()
    code, email, phone = tidy_code(typed.credit_code), tidy_email(typed.email), tidy_phone(typed.phone)
    if code or kind is InvoiceKind.SPECIAL:
        wrong = credit_code_fault(code) if code else NameFault.EMPTY
        if wrong is not None:
            faults["credit_code"] = wrong
    contact = email_fault(email) if email else NameFault.EMPTY
    if contact is not None:
        faults["email"] = contact
    if phone and (fault := phone_fault(phone)) is not None:
        faults["phone"] = fault
    account = tidy_code(typed.bank_account)
    if account and _BANK_ACCOUNT.fullmatch(account) is None:
        faults["bank_account"] = NumberFault.BANK_ACCOUNT
    return (
        InvoiceDetails(
            title=_text("title", typed.title, faults),
            credit_code=code,
            email=email,
            address=_text("address", typed.address, faults, optional=True),
            phone=phone,
            bank=_text("bank", typed.bank, faults, optional=True),
            bank_account=account,
        ),
        faults,
    )


def judged_operator(typed: OperatorDetails, today: date) -> tuple[OperatorDetails, OperatorFaults]:
    """Return who is proposed as it is kept, and what is wrong; `today` is China's day. Characters have no spaces between them."""
    try:
        name = tidy_name(typed.name)
    except NameRefused:
        name = typed.name.strip()
    if not any(each.isascii() and each.isalpha() for each in name):
        name = name.replace(" ", "")
    details = OperatorDetails(
        name=name,
        document=typed.document,
        document_number=tidy_code(typed.document_number),
        phone=tidy_phone(typed.phone),
    )
    judged: dict[str, tuple[str, OperatorFault | None]] = {
        "name": (name, holder_fault(details.document, name)),
        "document_number": (
            details.document_number,
            document_fault(details.document, details.document_number, today),
        ),
        "phone": (details.phone, mobile_fault(details.phone)),
    }
    faults = {field: fault if value else NameFault.EMPTY for field, (value, fault) in judged.items()}
    return details, {field: fault for field, fault in faults.items() if fault is not None}


def usable_code(code: str) -> str:
    """Return an enterprise's code if an invoice takes it, else nothing: codes are not judged where enterprises are entered."""
    tidy = tidy_code(code)
    return tidy if len(tidy) == CREDIT_CODE_LENGTH and credit_code_fault(tidy) is None else ""


def _text(field: str, text: str, faults: FactFaults, *, optional: bool = False) -> str:
    if optional and not text.strip():
        return ""
    try:
        return tidy_name(text, LONGEST[field])
    except NameRefused as error:
        faults[field] = error.fault
        return text
