"""What is kept of an account, for whoever asks; and erasing it."""

from __future__ import annotations

from kiosk.desk.requests.privacy import Erased, KeptFact, erase, exported, is_known
from kiosk.domain.entries.requests import PersonalErased
from kiosk.domain.fees import OrderKind
from kiosk.domain.personal import DeliveryAddress, PersonalKind
from kiosk.store.verify import verify
from tests.support.desk import FIRM, NOW, SESSION, DeskSetup, answered

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")


def test_an_export_has_every_fact_in_words_and_erasing_leaves_none(desk_setup: DeskSetup) -> None:
    service = desk_setup.open_service()
    paid = desk_setup.paid_order("11000001", OrderKind.NEW)
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    found = exported(desk_setup.database, "11000001")
    assert found.operator == "李晓梅"
    assert found.enterprise is not None
    assert found.enterprise.name == FIRM
    assert found.orders == (paid,)
    assert [each.order for each in found.requests] == [paid]
    record = {each: getattr(ADDRESS, each) for each in ADDRESS.__struct_fields__}
    assert found.facts == (KeptFact(PersonalKind.DELIVERY, NOW, sent=False, record=record),)
    assert erase(desk_setup.database, desk_setup.clock, "11000001", "林涛") == Erased(1, forgotten=True)
    assert desk_setup.bodies()[-1] == PersonalErased("11000001", NOW, "林涛")
    after = exported(desk_setup.database, "11000001")
    assert after.facts == ()
    assert after.requests == found.requests
    delivery = answered(service.requests(SESSION, paid)).delivery
    assert delivery is not None
    assert (delivery.recipient, delivery.phone, delivery.region) == ("", "", "")
    assert verify(desk_setup.database).sound
    assert erase(desk_setup.database, desk_setup.clock, "11000001", "林涛") == Erased(0, forgotten=True)


def test_of_an_account_that_is_not_known_there_is_nothing(desk_setup: DeskSetup) -> None:
    assert not is_known(desk_setup.database, "99999999")
    found = exported(desk_setup.database, "99999999")
    assert (found.operator, found.enterprise, found.orders, found.facts) == (None, None, (), ())


def test_an_account_is_known_by_its_operator_an_order_or_a_record(desk_setup: DeskSetup) -> None:
    assert is_known(desk_setup.database, "11000001")
    desk_setup.paid_order("11000009", OrderKind.NEW)
    with desk_setup.database.write() as tx:
        tx.personal.put(ADDRESS, "77", NOW)
    assert is_known(desk_setup.database, "11000009")
    assert is_known(desk_setup.database, "77")


def test_erasing_says_when_somebody_who_reads_keeps_the_log_from_being_emptied(desk_setup: DeskSetup) -> None:
    with desk_setup.database.read():
        assert not erase(desk_setup.database, desk_setup.clock, "11000001", "林涛").forgotten
    assert erase(desk_setup.database, desk_setup.clock, "11000001", "林涛").forgotten


def test_what_was_made_while_the_clock_was_ahead_is_erased_too(desk_setup: DeskSetup) -> None:
    with desk_setup.database.write() as tx:
        tx.personal.put(ADDRESS, "11000001", NOW + 365 * 86400)
    assert erase(desk_setup.database, desk_setup.clock, "11000001", "林涛").count == 1
    assert exported(desk_setup.database, "11000001").facts == ()
    assert desk_setup.bodies()[-1] == PersonalErased("11000001", NOW + 365 * 86400, "林涛")


def test_what_cannot_be_read_any_more_hinders_neither_export_nor_erasing(desk_setup: DeskSetup) -> None:
    with desk_setup.database.write() as tx:
        tx.personal.put(ADDRESS, "77", NOW + 5)
        tx.personal._connection.execute("UPDATE personal_keys SET key = zeroblob(32)")
    assert is_known(desk_setup.database, "77")
    assert exported(desk_setup.database, "77").facts == ()
    assert erase(desk_setup.database, desk_setup.clock, "77", "林涛").count == 1
    with desk_setup.database.read() as tx:
        assert tx.personal.broken() == ()
