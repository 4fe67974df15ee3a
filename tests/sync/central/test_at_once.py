"""Many at once over real HTTP: kiosks that upload what members ask, and reviewers of one proposal."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    InvoiceAsked,
    InvoiceKind,
    OperatorProposed,
    OperatorWithdrawn,
)
from kiosk.domain.personal import (
    SALT_LENGTH,
    DeliveryAddress,
    Disclosed,
    InvoiceDetails,
    OperatorDetails,
    disclose,
)
from sync.protocol import records
from sync.protocol.records import PersonalOutcome
from tests.support.kiosk_double import Answer, KioskDouble, http_send
from tests.support.processes import CentreProcess

pytestmark = pytest.mark.xdist_group("serving")

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
INVOICE = InvoiceDetails("郑州某粮油有限公司", "91410100MA9K2B7X0P", "fin@example.cn")
WHO = OperatorDetails("赵敏", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
ACCOUNT = "11000006"
APPROVE = {"approve-checked": "on", "approve": "通过审核"}
REFUSE = {"refuse-reason": "授权书不清楚", "refuse": "不通过"}
LATER, DECIDED = "以前的决定还在入账", "没有再处理一次"
MakeKiosks = Callable[[int], list[KioskDouble]]


@pytest.fixture
def make_kiosks(served: CentreProcess, served_numbers: itertools.count[int]) -> MakeKiosks:
    """Kiosks that talk to the real server."""

    def make(count: int) -> list[KioskDouble]:
        numbers = list(itertools.islice(served_numbers, count))
        doubles = [KioskDouble(each, send=http_send, base=served.address) for each in numbers]
        return [each.enrol(served.tokens[each.number]) for each in doubles]

    return make


def patient(ask: Callable[[], Answer]) -> Answer:
    """The answer, of a centre that may be too busy at first, as the agent takes it."""
    answer = ask()
    while answer.status == 503:
        answer = ask()
    assert answer.status == 200, answer.body
    return answer


def sealed(*facts: DeliveryAddress | InvoiceDetails | OperatorDetails) -> list[Disclosed]:
    return [disclose(each, secrets.token_bytes(SALT_LENGTH)) for each in facts]


def ask_everything(kiosk: KioskDouble) -> list[Disclosed]:
    """A delivery and an invoice of one order, and a trader; the records to it."""
    order, sent = kiosk.place(account=ACCOUNT).order, sealed(ADDRESS, INVOICE, WHO)
    kiosk.append(DeliveryAsked(order, ACCOUNT, sent[0].commitment, "member"))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, sent[1].commitment, "member"))
    propose(kiosk, secrets.token_hex(8), sent[2])
    kiosk.append(OrderCancelled(order, "member"))
    return sent


def propose(kiosk: KioskDouble, name: str, who: Disclosed, enterprise: str = "c") -> None:
    kiosk.append(OperatorProposed(name, ACCOUNT, enterprise, who.commitment, authorised=True, by="member"))


def test_ten_kiosks_that_send_what_members_ask_at_once_lose_nothing(
    served: CentreProcess, make_kiosks: MakeKiosks
) -> None:
    kiosks = make_kiosks(10)
    sent = [[record for _ in range(3) for record in ask_everything(each)] for each in kiosks]

    def upload(kiosk: KioskDouble, disclosed: list[Disclosed]) -> list[PersonalOutcome]:
        patient(kiosk.upload)
        body = records.encode(records.PersonalUpload(tuple(disclosed)))
        answer = patient(lambda: kiosk.request("POST", records.PATH_PERSONAL, body))
        return list(answer.read(records.PersonalAnswer).outcomes)

    for _ in range(2):
        with ThreadPoolExecutor(len(kiosks)) as pool:
            outcomes = list(pool.map(upload, kiosks, sent))
        assert outcomes == [[PersonalOutcome.KEPT] * 9] * 10
    served.wait_applied()
    first, last = kiosks[0].number, kiosks[-1].number
    between = ("kiosk BETWEEN ? AND ?", first, last)
    where, *numbers = between
    assert served.rows(
        f"SELECT kind, state, count(*) FROM personal_personalrecord WHERE {where} GROUP BY 1, 2 ORDER BY 1",  # noqa: S608 - our own
        *numbers,
    ) == [("delivery", "kept", 30), ("invoice", "kept", 30), ("operator", "kept", 30)]
    asked = "SELECT count(*) FROM journal_entry WHERE kind IN ('delivery-asked', 'operator-proposed')"
    assert served.rows(f"{asked} AND {where}", *numbers) == [(60,)]
    assert served.rows(f"SELECT kind FROM journal_alarm WHERE {where}", *numbers) == []  # noqa: S608 - our own


@pytest.fixture
def reviewers(served: CentreProcess) -> Iterator[list[httpx2.Client]]:
    """Two of the staff who signed in to the console."""
    with ExitStack() as stack:
        signed_in = []
        for _ in range(2):
            client = stack.enter_context(httpx2.Client(base_url=served.address, follow_redirects=True))
            page = client.get("/admin/login/").text
            typed = {"username": "admin", "password": "Keydesk-admin", "next": "/admin/"}
            typed["csrfmiddlewaretoken"] = token(page)
            assert client.post("/admin/login/", data=typed).status_code == 200
            signed_in.append(client)
        yield signed_in


def token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def decide(client: httpx2.Client, name: str, typed: dict[str, str]) -> str:
    """The page after a decision; what waits for the applier is tried again, as the page says."""
    page = f"/admin/ledger/ledgerproposal/{name}/change/"
    said = LATER
    while LATER in said:
        hidden = {"csrfmiddlewaretoken": token(client.get(page).text)}
        answer = client.post(page, data={**typed, **hidden})
        assert answer.status_code == 200
        said = answer.text
    return said


def state(served: CentreProcess, name: str) -> str:
    ((found,),) = served.rows("SELECT state FROM ledger_ledgerproposal WHERE proposal = ?", name)
    return str(found)


def counted(served: CentreProcess) -> tuple[int, int]:
    """How many operators there are, and how many decisions about proposals."""
    ((operators,),) = served.rows("SELECT count(*) FROM members_operator")
    ((reviews,),) = served.rows("SELECT count(*) FROM journal_entry WHERE kind = 'operator-reviewed'")
    return int(operators), int(reviews)


def proposed(served: CentreProcess, kiosk: KioskDouble) -> str:
    """A proposal whose record is there."""
    name, (who,) = secrets.token_hex(8), sealed(WHO)
    ((code,),) = served.rows("SELECT enterprise_id FROM members_operator WHERE account = ?", ACCOUNT)
    propose(kiosk, name, who, str(code))
    patient(kiosk.upload)
    assert kiosk.sent(who) == [PersonalOutcome.KEPT]
    served.wait_applied()
    return name


def test_two_reviewers_of_one_proposal_decide_it_once(
    served: CentreProcess, make_kiosks: MakeKiosks, reviewers: list[httpx2.Client]
) -> None:
    (kiosk,) = make_kiosks(1)
    for second in (APPROVE, REFUSE):
        name, (operators, reviews) = proposed(served, kiosk), counted(served)
        with ThreadPoolExecutor(2) as pool:
            decisions = [
                pool.submit(decide, client, name, typed)
                for client, typed in zip(reviewers, (APPROVE, second), strict=True)
            ]
            said = [each.result() for each in decisions]
        assert sum(DECIDED in each for each in said) == 1
        assert state(served, name) in {"approved", "refused"}
        approved = state(served, name) == "approved"
        assert counted(served) == (operators + approved, reviews + 1)


def test_approving_while_the_proposal_is_taken_back_leaves_one_of_both(
    served: CentreProcess, make_kiosks: MakeKiosks, reviewers: list[httpx2.Client]
) -> None:
    (kiosk,) = make_kiosks(1)
    for _ in range(3):
        name, (operators, reviews) = proposed(served, kiosk), counted(served)
        kiosk.append(OperatorWithdrawn(name, ACCOUNT, "member"))
        with ThreadPoolExecutor(2) as pool:
            uploaded = pool.submit(patient, kiosk.upload)
            said = pool.submit(decide, reviewers[0], name, APPROVE).result()
        assert uploaded.result().status == 200
        served.wait_applied()
        approved = DECIDED not in said
        assert state(served, name) == ("approved" if approved else "withdrawn")
        assert counted(served) == (operators + approved, reviews + approved)
    printed = served.django("from sync.central.ledger.replaying import differences\nprint(differences())\n")
    assert printed.strip() == "[]"
