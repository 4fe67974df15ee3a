"""Rigs: one kind of key each, that can be pulled at any exchange between the desk and the key."""

from __future__ import annotations

import contextlib
import enum
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from hardware.pcsc.source import PcscTokenSource
from hardware.ports import Token, TokenSource
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.registry import Driver, gmt_driver, piv_driver
from hardware.token.skf.profile import configured_profile
from hardware.token.skf.source import SkfTokenSource
from hardware.virtual.card import CardPulled, VirtualCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.reader import serve
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.views.people import Session
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderAssigned
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.members import Operator, Review
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from tests.support.values import present
from tests.support.waiting import ended, wait_until

NOW = 1_795_327_500
DAY = 86_400
FIRM = "北京示例粮油贸易有限公司"


class Moment(enum.StrEnum):
    """When the key is pulled, of one exchange."""

    BEFORE = "before"
    DURING = "during"
    """The key does what it was told, and its answer is lost."""
    AFTER = "after"


class Rig(Protocol):
    """One kind of key and the way to it; a key is named by its serial number."""

    name: str
    source: TokenSource

    def blank(self, serial: str) -> str:
        """A key as it comes from the factory."""
        ...

    def opened(self, key: str) -> contextlib.AbstractContextManager[Token]:
        """The key put in aside from any plan, spoken to, and taken out."""
        ...

    def insert(self, key: str) -> None:
        """Put it in, and wait until the source sees it."""
        ...

    def remove(self) -> None:
        """Pull it, and wait until the source sees that."""
        ...

    def pull_at(self, exchange: int, moment: Moment) -> None:
        """Pull the key that is in at that exchange from now (the first is 1)."""
        ...

    def pulled(self) -> bool:
        """Whether that happened; nothing is planned afterwards."""
        ...


class PullableCard:
    """A card around another that leaves the reader at one exchange; `left` is told when that is after its answer."""

    def __init__(self, card: VirtualCard, left: Callable[[], None]) -> None:
        self._card = card
        self._left = left
        self._exchanges = 0
        self._plan: tuple[int, Moment] | None = None
        self._gone = False
        self.pulled = False

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def plan(self, exchange: int, moment: Moment) -> None:
        self._exchanges, self._plan, self.pulled = 0, (exchange, moment), False

    def transmit(self, command: bytes) -> bytes:
        if self._gone:
            raise CardPulled
        self._exchanges += 1
        if self._plan is None or self._plan[0] != self._exchanges:
            return self._card.transmit(command)
        self.pulled = True
        if self._plan[1] is Moment.BEFORE:
            raise CardPulled
        answer = self._card.transmit(command)
        if self._plan[1] is Moment.DURING:
            raise CardPulled
        self._gone = True
        self._left()
        return answer


class CardRig:
    """Cards in process."""

    def __init__(self, name: str, driver: Driver, make: Callable[[str], VirtualCard]) -> None:
        self.name = name
        self._slot = VirtualTokenSource(drivers=(driver,))
        self._aside = VirtualTokenSource(drivers=(driver,))
        self.source: TokenSource = self._slot
        self._make = make
        self._cards: dict[str, VirtualCard] = {}
        self.card: PullableCard | None = None

    def blank(self, serial: str) -> str:
        self._cards[serial] = self._make(serial)
        return serial

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[Token]:
        with contextlib.closing(self._aside.open(self._aside.insert(self._cards[key]))) as token:
            yield token
        self._aside.remove()

    def insert(self, key: str) -> None:
        self.card = PullableCard(self._cards[key], self._slot.remove)
        self._slot.insert(self.card)

    def remove(self) -> None:
        self._slot.remove()

    def pull_at(self, exchange: int, moment: Moment) -> None:
        assert self.card is not None
        self.card.plan(exchange, moment)

    def pulled(self) -> bool:
        assert self.card is not None
        return self.card.pulled


class ReaderRig(CardRig):
    """Cards in a real PC/SC reader, through pcscd and vpcd."""

    def __init__(
        self, name: str, driver: Driver, make: Callable[[str], VirtualCard], place: tuple[str, int]
    ) -> None:
        super().__init__(name, driver, make)
        self.source = PcscTokenSource((driver,))
        self._place = place
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def insert(self, key: str) -> None:
        self._stop = threading.Event()
        self.card = PullableCard(self._cards[key], self._stop.set)
        arguments = (self.card, *self._place, self._stop)
        self._thread = threading.Thread(target=serve, args=arguments)
        self._thread.start()
        wait_until(lambda: len(self.source.present()) == 1, "the card is in")

    def remove(self) -> None:
        self._stop.set()
        if self._thread is not None:
            ended(self._thread)
            self._thread = None
            wait_until(lambda: self.source.present() == (), "the card is gone")
            time.sleep(1)  # pcscd looks every 0.4 s: a card back sooner it would not notice

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            ended(self._thread)


class LibraryRig:
    """Keys of a vendor's library: the soft token, whose keys are folders."""

    name = "skf"

    def __init__(self, library: Path, folder: Path) -> None:
        self._keys, self._shelf = folder / "keys", folder / "shelf"  # the library lists only so many folders
        self._keys.mkdir()
        self._shelf.mkdir()
        self._faults, self._log = folder / "faults", folder / "calls.log"
        self._insertions = itertools.count(1)
        self._inserted: str | None = None
        self._source = SkfTokenSource([configured_profile({"library": str(library)})])
        self.source: TokenSource = self._source

    @property
    def environment(self) -> dict[str, str]:
        """Where the library finds its keys."""
        return {
            "SOFT_TOKEN_STATE": str(self._keys),
            "SOFT_TOKEN_FAULTS": str(self._faults),
            "SOFT_TOKEN_LOG": str(self._log),
        }

    def blank(self, serial: str) -> str:
        (self._shelf / serial).mkdir()
        self.insert(serial)
        (presence,) = self.source.present()
        with contextlib.closing(self.source.open(presence)) as token:
            token.erase()  # which also prepares a key that never had the desk's application
        self.remove()
        return serial

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[Token]:
        self.insert(key)
        (presence,) = self.source.present()
        with contextlib.closing(self.source.open(presence)) as token:
            yield token
        self.remove()

    def insert(self, key: str) -> None:
        self._faults.unlink(missing_ok=True)
        (self._shelf / key).rename(self._keys / key)
        (self._keys / key / "inserted").write_text(f"{next(self._insertions)}\n")
        self._inserted = key

    def remove(self) -> None:
        self._faults.unlink(missing_ok=True)
        if self._inserted is not None:
            (self._keys / self._inserted / "inserted").unlink(missing_ok=True)
            (self._keys / self._inserted).rename(self._shelf / self._inserted)
            self._inserted = None

    def pull_at(self, exchange: int, moment: Moment) -> None:
        self._log.unlink(missing_ok=True)
        place = exchange + 1 if moment is Moment.AFTER else exchange
        action = "pull-after" if moment is Moment.DURING else "pull-before"
        self._faults.write_text(f"* {place} {action}\n")

    def state_file(self, key: str) -> Path:
        """What a key that is out holds (see tests/soft_token)."""
        return self._shelf / key / "state"

    def crash_at(self, call: int) -> None:
        """Have the library crash at that call from now, when it has done what it was told."""
        self._log.unlink(missing_ok=True)
        self._faults.write_text(f"* {call} crash-after\n")

    def pulled(self) -> bool:
        assert self._inserted is not None
        return not (self._keys / self._inserted / "inserted").exists()

    def close(self) -> None:
        self._source.close()


Make = Callable[[str], VirtualCard]


def _gmt(folder: Path) -> tuple[Driver, Make]:
    return gmt_driver(GmtProfile()), lambda serial: blank_key(folder / f"{serial}.card", serial)


def _piv(folder: Path) -> tuple[Driver, Make]:
    return piv_driver(PivProfile()), lambda serial: blank_piv_key(folder / f"{serial}.card", serial)


CARDS: dict[str, Callable[[Path], tuple[Driver, Make]]] = {"gmt": _gmt, "piv": _piv}


class Killed(BaseException):
    """The process is gone: no handler of the program runs."""


class MortalDatabase:
    """A database whose process dies right after its nth transaction that wrote entries was committed."""

    def __init__(self, database: Database, dies_after: int) -> None:
        self._database = database
        self._left = dies_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextlib.contextmanager
    def write(self) -> Iterator[Any]:
        before = self._entries()
        with self._database.write() as tx:
            yield tx
        if self._entries() > before:
            self._left -= 1
            if self._left == 0:
                raise Killed

    def _entries(self) -> int:
        with self._database.read() as tx:
            tip = tx.journal.tip()
        return 0 if tip is None else int(tip.sequence)


class Case:
    """One member with a paid order of one kind, and the key that it is for; `begins` behind that entry of the journal."""

    def __init__(self, session: Session, order: str, key: str, pin: str, begins: int) -> None:
        self.session = session
        self.order = order
        self.key = key
        self.pin = pin
        self.begins = begins


class Workshop:
    """Makes cases, each with an account of its own, and desks over one database."""

    def __init__(
        self, database: Database, clock: FixedClock, authority: IssuingAuthority, rig: Rig, kiosk: Desk
    ) -> None:
        self.database = database
        self.rig = rig
        self._clock = clock
        self._authority = authority
        self._kiosk = kiosk
        self._numbers = itertools.count(1)

    def desk(self, database: Database | MortalDatabase | None = None) -> Desk:
        """A desk as after a start of the program."""
        kiosk = self._kiosk
        return Desk(
            cast("Database", database or self.database),
            kiosk.clock,
            os.urandom,
            self.rig.source,
            kiosk.printer,
            None,
            kiosk.settings,
            lambda: True,
        )

    def case(self, kind: OrderKind) -> Case:
        """A new member; before a replacement or renewal a key was bound for them elsewhere."""
        number = next(self._numbers)
        account, serial = str(20_000_000 + number), f"{number:08X}00000001"
        key = self.rig.blank(serial)
        pin = self._factory_pin(key)
        if kind is OrderKind.REPLACEMENT:
            lost = self.rig.blank(f"{number:08X}00000002")
            self._bind_elsewhere(account, lost, number, pin, "654321")
        if kind is OrderKind.RENEWAL:
            self._bind_elsewhere(account, key, number, pin, "654321")
            pin = "654321"
        with self.database.read() as tx:
            begins = present(tx.journal.tip()).sequence
        session = Session(account, "操作员", FIRM, NOW)
        return Case(session, self._paid_order(account, kind, number), key, pin, begins)

    def other(self) -> str:
        """A blank key that has nothing to do with anybody."""
        return self.rig.blank(f"{next(self._numbers):08X}00000003")

    def contents(self, key: str) -> tuple[bytes | None, bytes | None]:
        """Public key and certificate on a key."""
        with self.rig.opened(key) as token:
            return token.public_key(), token.certificate()

    def _factory_pin(self, key: str) -> str:
        with self.rig.opened(key) as token:
            return token.factory_pin

    def _bind_elsewhere(self, account: str, key: str, number: int, pin: str, own_pin: str) -> None:
        begin, end = NOW - 300 * DAY, NOW + 65 * DAY
        with self.rig.opened(key) as token:
            token.verify_pin(pin)
            algorithm = token.algorithm
            member = MemberName(account, FIRM)
            info = certification_request_info(
                DEFAULT_ORGANISATION, member, algorithm, token.generate_key_pair()
            )
            request = assemble(info, algorithm, token.sign(info))
            serial = 0x0001_000001_000000 + number
            der = self._authority.issue(request, member, serial, begin, end)
            token.write_certificate(der)
            token.change_pin(pin, own_pin)
            told = KeyBoundElsewhere(account, f"{serial:016X}", token.serial, begin, end, certificate=der)
        with self.database.write() as tx:
            tx.feed.put_key_elsewhere(told)

    def _paid_order(self, account: str, kind: OrderKind, number: int) -> str:
        now = self._clock.wall()
        with self.database.write() as tx:
            tx.members.put_operator(Operator(account, "A", "操作员", Review.APPROVED, ""))
            body = OrderAssigned(
                order=str(OrderReference(OrderNumber(1, 1, number), bytes(6))),
                account=account,
                enterprise=FIRM,
                operator="操作员",
                order_kind=kind,
                lines=FeeSchedule(1, 0, 11000, 8000, 15000).lines(kind),
                schedule=1,
                placed_at=now,
                transaction=f"W{number}",
                paid_at=now,
                handover=1,
                feed=f"order-assigned/{number}/1",
                previous=key_on_record(tx, account),
            )
            tx.append(body, self._clock)
        return body.order
