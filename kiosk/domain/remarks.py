"""What the folds remark: an entry that does not follow, or that a person should know of; nothing waits for it."""

from __future__ import annotations

import enum

import msgspec


class RemarkReason(enum.StrEnum):
    """Why an entry left a remark. It changed nothing, except where the reason says what it did."""

    ORDER_EXISTS = "order-exists"
    """The order was placed before by the same journal."""
    ORDER_UNKNOWN = "order-unknown"
    """The journal of the entry's kiosk never brought the order that it names."""
    ORDER_OPEN_ALREADY = "order-open-already"
    """The account has an open order of that kind."""
    ORDER_IN_ANOTHER_STATE = "order-in-another-state"
    """The order's state does not allow it."""
    ORDER_OF_ANOTHER_KIOSK = "order-of-another-kiosk"
    """The kiosk does not own the order by its own journal, or its number names another kiosk."""
    NOT_THE_OWNER = "not-the-owner"
    """The kiosk's own journal knows of no hand-over, the others' do: told by a former owner. Kept in its own view."""
    ASSIGNMENT_UNPROVEN = "assignment-unproven"
    """Nobody who owned the order gave it to the kiosk that says so. Takes effect with the release, if one comes."""
    HANDOVER_DIFFERS = "handover-differs"
    """The hand-over's number is not past the last one, or names the kiosk itself."""
    MONEY_TOLD_BY_ANOTHER = "money-told-by-another"
    """Money by a kiosk that does not own the order; it counts once the owner enters it."""
    AMOUNT_DIFFERS = "amount-differs"
    """The amount is not the order's, or not what was received."""
    PRICE_DIFFERS = "price-differs"
    """The price is not that of the fee schedule."""
    BINDING_IN_ANOTHER_STEP = "binding-in-another-step"
    """It is not the attempt's next step. A certificate that it tells of is on record as void."""
    ANOTHER_TOKEN = "another-token"  # noqa: S105 - a token of hardware, no secret
    """A renewal on a token that is not the key on record."""
    ECHO_DIFFERS = "echo-differs"
    """The row of the feed that it names was never told to the kiosk, or says something else."""
    ECHOED_ALREADY = "echoed-already"
    """An entry of the kiosk named that row of the feed before."""
    CERTIFICATE_EXISTS = "certificate-exists"
    """A certificate has that number."""
    CERTIFICATE_DIFFERS = "certificate-differs"
    """The certificate is not the one on record, or out of use."""
    CERTIFICATE_OF_ANOTHER_KIOSK = "certificate-of-another-kiosk"
    """The certificate's number names another kiosk."""
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    """No certificate of that number was bound. A loss of it takes effect when it is."""
    CERTIFICATE_HELD = "certificate-held"
    """The certificate was bound while another one, or a matter, stands in its way: held until a person decides."""
    PREDECESSOR_SUCCEEDED = "predecessor-succeeded"
    """The predecessor has another successor."""
    ANOTHER_CERTIFICATE_VALID = "another-certificate-valid"
    """The account has another certificate, in use or under way."""
    NOT_THE_EXCHANGE = "not-the-exchange"
    """A kiosk tells what only the centre decides."""
    BEYOND_POLICY = "beyond-policy"
    """More than the kiosk's policy allows."""
    AMOUNT_BEYOND_POLICY = "amount-beyond-policy"
    """The kiosk took more on its own word than its policy allows; the money counts."""
    LOSSES_BEYOND_POLICY = "losses-beyond-policy"
    """The kiosk reported more losses within a day than take effect."""
    HOLD_KEPT = "hold-kept"
    """A lift by a kiosk that does not serve the account, or beyond its policy: the key stays on hold."""
    MONEY_RETURNED = "money-returned"
    """Something is bound for money that went back."""
    SIGNATURE_WRONG = "signature-wrong"
    """The certificate is not by its machine's issuing CA, or does not say what its entry says: never listed."""
    REQUEST_OF_ANOTHER_KIOSK = "request-of-another-kiosk"
    """The kiosk neither placed the order nor was given it, or the order is another account's."""
    DELIVERY_SENT = "delivery-sent"
    """The key was mailed; where to stays as it was then."""
    DELIVERY_NOT_SENT = "delivery-not-sent"
    """A key came back that nobody told of having mailed."""
    INVOICE_ISSUED = "invoice-issued"
    """The invoice was made out; only the exchange changes anything about it."""
    INVOICE_NOT_ASKED = "invoice-not-asked"
    """Nobody asked for an invoice, or the request was withdrawn."""
    PROPOSAL_EXISTS = "proposal-exists"
    """An operator was proposed before under that name."""
    PROPOSAL_UNKNOWN = "proposal-unknown"
    """No operator was proposed under that name, by that kiosk and account."""
    PROPOSAL_DECIDED = "proposal-decided"
    """The proposal was withdrawn, approved or refused before."""
    UNREADABLE = "unreadable"
    """The centre cannot read the entry, or failed over it again and again: set aside."""


class Remark(msgspec.Struct, frozen=True):
    """One remark; `subject` is the order's reference or the certificate's number."""

    reason: RemarkReason
    subject: str


class DoesNotFollow(Exception):
    """Inside a fold: the entry changes nothing; it becomes the remark."""

    def __init__(self, reason: RemarkReason, subject: str) -> None:
        super().__init__(f"{reason.value}: {subject}")
        self.remark = Remark(reason, subject)
