"""添加交易员 in words: nothing that may be wrong, and no state, is without its sentence."""

from __future__ import annotations

import pytest

from kiosk.desk.requests.views import ProposalView
from kiosk.domain.contacts import ContactFault
from kiosk.domain.documents import DocumentFault, DocumentKind, HolderFault
from kiosk.domain.names import LONGEST_PERSON, NameFault
from kiosk.domain.requests import ProposalState
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.proposals import DOCUMENTS, OPERATOR_FAULTS, in_order, proposal_details, proposal_row


def test_every_fault_and_every_document_has_its_words() -> None:
    wanted = [*HolderFault, *DocumentFault, ContactFault.MALFORMED, NameFault.EMPTY]
    assert sorted(OPERATOR_FAULTS) == sorted(wanted)  # none of which equals another
    assert "姓名" in OPERATOR_FAULTS[HolderFault.CHARACTER]
    assert "号码" in OPERATOR_FAULTS[DocumentFault.CHARACTER]
    assert str(LONGEST_PERSON) in OPERATOR_FAULTS[HolderFault.LENGTH]
    assert set(DOCUMENTS) == set(DocumentKind)


@pytest.mark.parametrize("language", Language)
def test_every_state_says_what_it_is_and_what_comes_next(language: Language) -> None:
    t = Catalogue(language).text
    views = [
        ProposalView(str(number), state, "王*", "E*****12", "139****1234", "11000009", "没有盖章")
        for number, state in enumerate(ProposalState)
    ]
    told = {each.state: proposal_details(t, each) for each in in_order(views)}
    assert set(told) == set(ProposalState)
    assert len(set(told.values())) == len(told)
    assert "11000009" in told[ProposalState.APPROVED]
    assert "没有盖章" in told[ProposalState.REFUSED]
    assert all("王*" in proposal_row(t, each) for each in views)
