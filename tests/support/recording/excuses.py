"""States that lie in no recording, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.recording.states import States, wanted_of_centre

Excuses = Mapping[str, Mapping[str, str]]

_NO_PAGE_YET = "no page and no screen writes it yet: recorded anew with the first that does"


def _not_yet(*states: str) -> dict[str, str]:
    return dict.fromkeys(states, _NO_PAGE_YET)


_REQUESTS = _not_yet(
    "delivery-asked",
    "delivery-changed",
    "key-mailed",
    "key-received-back",
    "invoice-asked",
    "invoice-changed",
    "invoice-withdrawn",
    "operator-proposed",
    "operator-withdrawn",
    "personal-erased",
)

KIOSKS: Excuses = {
    "entry": _REQUESTS,
    "table": _not_yet("requests", "proposals", "personal_records", "personal_keys"),
    "certificate": {"held": "a kiosk lists what it binds at once"},
    "certificate's standing": {
        "held": "a kiosk lists what it binds at once",
        "void": "what a kiosk bound it does not take back",
    },
    "certificate at the centre": {"void": "a certificate that was never on the register is told of no more"},
    "agent": {
        "lacks_until": "takes a centre put back behind a journal that was pruned",
        "held": "the upload after the heartbeat that sets it ends it",
    },
    "row not applied": {"arrives-too-early": "the rows of one order are judged together"},
}
_CENTRE: Excuses = {
    "members.operator.document": dict.fromkeys(
        ("resident-id", "passport"), "no recording was made since operators have documents"
    ),
    "journal.alarm.kind": {
        "missing": "takes a centre put back behind a journal that was pruned",
        "shown-row": "what a machine shows is taken back; an alarm only where staff said something else since",
    },
    "table": {
        **_not_yet("ledger.ledgerrequests", "ledger.ledgerproposal"),
        **_not_yet(
            "personal.personalrecord",
            "personal.sealedrecord",
            "personal.recordkey",
            "personal.accounterasure",
            "personal.erasedpages",
        ),
        "login.membersession": "a member who is signed in on a phone, for half an hour; no recording was made since",
        "login.passwordinvitation": "an operator who was invited to set the password; no recording was made since",
        "login.passwordtry": "a wrong password on a phone, for half an hour; no recording was made since",
    },
    "journal.entry.kind": {**_REQUESTS, **_not_yet("invoice-issued", "operator-reviewed")},
    "fleet.feedrow.kind": _not_yet("delivery", "invoice", "proposal", "erasure"),
    "personal.personalrecord.state": _not_yet("awaited", "kept", "erased"),
    "personal.personalrecord.kind": _not_yet("delivery", "invoice", "operator"),
    "ledger.ledgerrequests.delivery": _not_yet("asked", "mailed", "returned"),
    "ledger.ledgerrequests.invoice": _not_yet("asked", "withdrawn", "issued"),
    "ledger.ledgerproposal.state": _not_yet("under-review", "withdrawn", "approved", "refused"),
    "ledger.matter.rule": {
        **_not_yet("delivery-sent", "invoice-issued"),
        "assignment-unproven": "takes a release that was told and lost",
    },
    "matter that is open": {
        **_not_yet("delivery-sent", "invoice-issued"),
        "assignment-unproven": "takes a release that was told and lost",
    },
    "ledger.matter.action": {
        "reopen": "the matter is open again and has no action",
    },
}
_ENDED = {
    "fleet.keptrow.kind": "any kind can be kept, and lies there as it came",
    "journal.strayentry.kind": "any kind lies there as it came",
    "ledger.entryremark.reason": "a remark stays with its entry; what goes on from it is a matter",
}


def of_centre(found: States) -> Excuses:
    """Those of the centre, for what was found there."""
    wanted = wanted_of_centre()
    every = {
        place: dict.fromkeys(wanted[place] - found.get(place, set()), reason)
        for place, reason in _ENDED.items()
    }
    return {**_CENTRE, **every}
