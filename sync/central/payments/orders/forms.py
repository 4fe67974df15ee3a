"""The fields of the two forms: filled in with what is known, masked; read back, and what is wrong said beside each.

A field that comes back as it was shown, masked, keeps what is known: no page has a whole phone number, address or e-mail address.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import asdict

from kiosk.domain.contacts import LONGEST_EMAIL, ContactFault
from kiosk.domain.credit_codes import CreditCodeFault
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.masking import (
    masked_address,
    masked_bank_account,
    masked_email,
    masked_name,
    masked_phone,
)
from kiosk.domain.names import NameFault
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, PersonalRecord
from kiosk.domain.request_facts import (
    LONGEST,
    FactFault,
    NumberFault,
    judged_delivery,
    judged_invoice,
    usable_code,
)
from sync.central.members.models import Operator

_MASKS: dict[str, Callable[[str], str]] = {
    "recipient": masked_name,
    "address": masked_address,
    "phone": masked_phone,
    "email": masked_email,
    "bank_account": masked_bank_account,
}
_STARS = ("*", "＊")
_LONGEST_TYPED = 200
"""Characters of a field that are read, and shown again."""


class FormFault(enum.StrEnum):
    """What is wrong with how a form was filled in."""

    MASKED = "masked"
    """A masked text, changed in part."""
    UNCHOSEN = "unchosen"


Faults = dict[str, FactFault | FormFault]
Said = tuple[str, str]
"""A sentence in Chinese and in English."""
_SAID: dict[FactFault | FormFault, Said] = {
    NameFault.EMPTY: ("请填写这一项", "Please fill this in"),
    NameFault.NOTHING_SPOKEN: ("要有文字或数字", "Letters or digits are needed"),
    NameFault.TOO_LONG: ("太长，最多 {longest} 个字", "Too long: {longest} characters at most"),
    NameFault.INVISIBLE: ("有看不见的字符，请删去后重新填写", "It has invisible characters: type it anew"),
    NameFault.PRIVATE_USE: (
        "有旧系统的自造字，请改用标准的汉字",
        "It has characters of an old system: use standard ones",
    ),
    NameFault.REPLACED: ("有兼容字，请改用常用的字", "It has compatibility characters: use the usual ones"),
    NameFault.UNKNOWN: ("有不能用的字符，例如表情", "It has characters that cannot be used, such as emoji"),
    CreditCodeFault.LENGTH: ("统一社会信用代码是 18 位", "A credit code has 18 characters"),
    CreditCodeFault.CHARACTER: (
        "有不能用的字符：没有字母 I、O、S、V、Z，第 3 至 8 位是数字",
        "No I, O, S, V or Z; characters 3 to 8 are digits",
    ),
    CreditCodeFault.CHECK: (
        "校验位不对，请逐位核对",
        "The check character is wrong: compare it character by character",
    ),
    NumberFault.POSTCODE: ("邮编是 6 位数字", "A postcode has 6 digits"),
    NumberFault.BANK_ACCOUNT: ("银行账号是 5 至 32 位数字", "An account has 5 to 32 digits"),
    FormFault.MASKED: ("请完整填写，不要带 *", "Type the whole of it, without *"),
    FormFault.UNCHOSEN: ("请选择专票或普票", "Choose one of the two"),
}
_OF_FIELD: dict[tuple[str, FactFault | FormFault], Said] = {
    ("phone", ContactFault.MALFORMED): (
        "号码不对：手机是 11 位，座机要带区号",
        "No such number: a mobile phone has 11 digits, a landline its area code",
    ),
    ("email", ContactFault.MALFORMED): (
        "邮箱不对，例如 name@example.cn",
        "No e-mail address, such as name@example.cn",
    ),
    ("email", ContactFault.TOO_LONG): (
        f"邮箱太长，最多 {LONGEST_EMAIL} 个字符",
        f"Too long: {LONGEST_EMAIL} characters at most",
    ),
    ("credit_code", NameFault.EMPTY): (
        "专票要填统一社会信用代码",
        "A special VAT invoice needs the credit code",
    ),
}


class Field(msgspec.Struct, frozen=True):
    """A field as the page shows it; `fault` is what is wrong with it, in both languages."""

    name: str
    label: str
    english: str
    longest: int
    required: bool = True
    inputmode: str = "text"
    autocomplete: str = "off"
    hint: str = ""
    value: str = ""
    fault: Said | None = None


DELIVERY_FIELDS = (
    Field("recipient", "收件人", "Recipient", LONGEST["recipient"], autocomplete="name"),
    Field("phone", "联系电话", "Phone", 20, required=False, inputmode="tel", autocomplete="tel"),
    Field("region", "省市区", "Province, city, district", LONGEST["region"], hint="河南省郑州市金水区"),
    Field("address", "详细地址", "Street and number", LONGEST["address"], autocomplete="street-address"),
    Field(
        "postcode", "邮编（可不填）", "Postcode, optional", 6, required=False, inputmode="numeric",
        autocomplete="postal-code",
    ),
)  # fmt: skip
INVOICE_FIELDS = (
    Field("title", "发票抬头", "Title", LONGEST["title"], autocomplete="organization"),
    Field("credit_code", "统一社会信用代码", "Credit code", 24, required=False, hint="个人的普票可不填"),
    Field("email", "收票邮箱", "E-mail", LONGEST_EMAIL, inputmode="email", autocomplete="email"),
    Field(
        "address", "注册地址（可不填）", "Registered address, optional", LONGEST["address"], required=False
    ),
    Field("phone", "注册电话（可不填）", "Its phone, optional", 20, required=False, inputmode="tel"),
    Field("bank", "开户银行（可不填）", "Bank, optional", LONGEST["bank"], required=False),
    Field(
        "bank_account",
        "银行账号（可不填）",
        "Account there, optional",
        40,
        required=False,
        inputmode="numeric",
    ),
)


def known_delivery(record: PersonalRecord | None, operator: Operator | None) -> DeliveryAddress:
    """What a delivery's form is filled in from: what was asked before, else the operator's name."""
    if isinstance(record, DeliveryAddress):
        return record
    return DeliveryAddress("" if operator is None else operator.name, "", "")


def known_invoice(record: PersonalRecord | None, operator: Operator | None) -> InvoiceDetails:
    """What an invoice's form is filled in from: what was asked before, else the enterprise's name and code."""
    if isinstance(record, InvoiceDetails):
        return record
    if operator is None:
        return InvoiceDetails("", "", "")
    return InvoiceDetails(operator.enterprise.name, usable_code(operator.enterprise.code), "")


def read_delivery(
    posted: Mapping[str, str], known: DeliveryAddress, *, bound: bool
) -> tuple[DeliveryAddress, Faults]:
    """The address that was typed, and what is wrong; `bound`: the account has a phone that may be chosen instead."""
    typed, faults = _typed(posted, asdict(known))
    if bound and "bound" in posted:
        typed["phone"] = ""
        faults.pop("phone", None)
    elif not typed["phone"].strip():
        faults["phone"] = NameFault.EMPTY
    record, wrong = judged_delivery(DeliveryAddress(**typed))
    return record, {**wrong, **faults}


def read_invoice(
    posted: Mapping[str, str], known: InvoiceDetails
) -> tuple[InvoiceKind, InvoiceDetails, Faults]:
    """The kind and the details that were typed, and what is wrong."""
    typed, faults = _typed(posted, asdict(known))
    chosen = posted.get("invoice", "")
    kind = InvoiceKind(chosen) if chosen in list(InvoiceKind) else InvoiceKind.ORDINARY
    if chosen != kind.value:
        faults["invoice"] = FormFault.UNCHOSEN
    record, wrong = judged_invoice(kind, InvoiceDetails(**typed))
    return kind, record, {**wrong, **faults}


def _typed(posted: Mapping[str, str], known: Mapping[str, str]) -> tuple[dict[str, str], Faults]:
    typed, faults = dict[str, str](), Faults()
    for name, before in known.items():
        text = posted.get(name, "")[:_LONGEST_TYPED]
        if before and text.strip() == _masked(name, before):
            text = before
        elif name in _MASKS and any(star in text for star in _STARS):
            faults[name] = FormFault.MASKED
        typed[name] = text
    return typed, faults


def _masked(name: str, text: str) -> str:
    mask = _MASKS.get(name)
    return mask(text) if mask is not None and text else text


def filled(fields: tuple[Field, ...], known: DeliveryAddress | InvoiceDetails) -> list[Field]:
    """The fields with what is known, masked."""
    values = asdict(known)
    return [_with(each, _masked(each.name, values[each.name]), None) for each in fields]


def refilled(fields: tuple[Field, ...], posted: Mapping[str, str], faults: Faults) -> list[Field]:
    """The fields as they were typed, with what is wrong."""
    return [
        _with(each, posted.get(each.name, "")[:_LONGEST_TYPED], _words(each.name, faults)) for each in fields
    ]


def _with(field: Field, value: str, fault: Said | None) -> Field:
    return msgspec.structs.replace(field, value=value, fault=fault)


def _words(name: str, faults: Faults) -> Said | None:
    fault = faults.get(name)
    if fault is None:
        return None
    chinese, english = _OF_FIELD.get((name, fault)) or _SAID[fault]
    longest = LONGEST.get(name, 0)
    return chinese.format(longest=longest), english.format(longest=longest)


def choice_words(faults: Faults) -> Said | None:
    """What is wrong with the choice of an invoice's kind."""
    return _words("invoice", faults)
