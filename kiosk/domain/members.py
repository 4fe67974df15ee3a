"""Enterprises and their operators, as the centre publishes them to the kiosks."""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.documents import DocumentKind


class Review(enum.StrEnum):
    """The exchange's review of an operator or an enterprise; UNDER_REVIEW is 审核中."""

    APPROVED = "approved"
    UNDER_REVIEW = "under-review"
    REFUSED = "refused"


class Enterprise(msgspec.Struct, frozen=True):
    """A member enterprise; `code` is its 统一社会信用代码."""

    code: str
    name: str
    legal_person: str
    review: Review


def shown_review(review: Review, *, trader_waits: bool) -> Review:
    """An enterprise's review as it is shown: 审核中 also while another trader of it waits, since it cannot trade until then."""
    return Review.UNDER_REVIEW if trader_waits and review is Review.APPROVED else review


class Operator(msgspec.Struct, frozen=True):
    """A trader of an enterprise with an account of its own; `verifier` is the Argon2id hash of the password.

    `document_number` and `phone`, the bound one, are masked; they and `document` are empty where the centre has or tells none.
    `authorised` where the centre has the enterprise's written authorisation (法人授权书).
    """

    account: str
    enterprise_code: str
    name: str
    review: Review
    verifier: str
    document: DocumentKind | None = None
    document_number: str = ""
    phone: str = ""
    authorised: bool = False


class Role(enum.StrEnum):
    """What a member of the desk's staff may do; a supervisor may vouch, abandon and refund."""

    STAFF = "staff"
    SUPERVISOR = "supervisor"


class StaffMember(msgspec.Struct, frozen=True):
    """A member of the desk's staff; `verifier` is the Argon2id hash of the password."""

    name: str
    role: Role
    verifier: str
