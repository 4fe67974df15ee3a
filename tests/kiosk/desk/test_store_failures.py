"""Whatever is asked of the desk, a store that is busy, full or unreadable is answered in the same way."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import inspect
import itertools
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardware.virtual.printer import VirtualPrinter
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.orders import receipts
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.people import Field, SecondAllowed, Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails
from kiosk.store.connections import connect
from kiosk.store.database import Database
from tests.support.desk import DATABASE_KEY, FACTORY_PIN, FIRM, SESSION, SUPERVISOR, DeskSetup, place
from tests.support.disks import disk_of, remounted

# They look at the devices alone.
WATCHES = {"watch_tokens", "watch_scans", "key_answer", "leave_keys", "see_to_left_keys"}
VERBS = sorted(
    name
    for name, member in inspect.getmembers(DeskService, inspect.isfunction)
    if not name.startswith("_") and name not in WATCHES
)
# Only the record tells which of two keys the order needs.
OTHERWISE: dict[str, dict[str, object]] = {
    "read_token": {"serial": None, "by_staff": False},
    "propose_operator": {
        "details": OperatorDetails("王芳", DocumentKind.PASSPORT, "E12345678", "13812345678")
    },
}
Break = Callable[[DeskSetup], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def unreadable(setup: DeskSetup) -> Iterator[None]:
    """Somebody wrote over the file."""
    with (setup.folder / "keydesk.db").open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.write(os.urandom(size))
    yield


@contextlib.contextmanager
def busy(setup: DeskSetup) -> Iterator[None]:
    """Another program holds the file to itself."""
    connection = connect(setup.folder / "keydesk.db", DATABASE_KEY)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.close()


@contextlib.contextmanager
def full(setup: DeskSetup) -> Iterator[None]:
    """There is no room left where the file lies."""
    filler = setup.folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@contextlib.contextmanager
def without_inodes(setup: DeskSetup) -> Iterator[None]:
    """There is room where the file lies, but no further file can be made."""
    files = setup.folder / "files"
    files.mkdir()
    with contextlib.suppress(OSError):
        for number in itertools.count():
            (files / str(number)).touch()
    yield
    shutil.rmtree(files)


@contextlib.contextmanager
def read_only(setup: DeskSetup) -> Iterator[None]:
    """The kernel takes no writes any more, as after an error of the disk."""
    remounted(setup.folder, "ro")
    yield
    remounted(setup.folder, "rw")


@contextlib.contextmanager
def without_descriptors(_setup: DeskSetup) -> Iterator[None]:
    """The program has as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, hard))
    with contextlib.ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with contextlib.suppress(OSError):  # also those that are free between others
            while True:
                files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full."""
    with disk_of(4, tmp_path / "disk", inodes=40) as folder:
        yield folder


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A desk that works, with an order and a key that is in, and what its verbs are called with."""

    setup: DeskSetup
    service: DeskService
    values: dict[str, object]

    def call(self, verb: str) -> object:
        """Call a verb with what its parameters are named for."""
        method = getattr(self.service, verb)
        values = self.values | OTHERWISE.get(verb, {})
        return method(*(values[name] for name in inspect.signature(method).parameters))


@pytest.fixture
def prepared(small_disk: Path) -> Iterator[Prepared]:
    setup = DeskSetup(small_disk)
    working = setup.open_service()
    card = setup.bound_here(working, "11000001", "E8AD652202221F03")
    setup.source.insert(card)
    setup.source.insert(setup.blank("E8AD652202221F04"), "second")
    number = place(working, SESSION, OrderKind.RENEWAL)
    setup.close()
    setup.printer = VirtualPrinter(small_disk.parent / "receipts", 384)
    desk = setup.open_desk()
    desk.database.close()
    # Without a connection that is open already, and without patience.
    database = Database(small_disk / "keydesk.db", DATABASE_KEY, 0.01, os.urandom)
    service = DeskService(dataclasses.replace(desk, database=database))
    view = LoginCheckView("E8AD652202221F03", "", 0, ((Check.SMS, CheckResult.WAITS),), "3-check", "", 0, 5)
    values: dict[str, object] = {
        "kind": OrderKind.RENEWAL,
        "allowed": SecondAllowed(SUPERVISOR, "五号机坏了"),
        "fields": {
            Field.ENTERPRISE: FIRM,
            Field.ACCOUNT: "11000001",
            Field.OPERATOR: "李晓梅",
            Field.PASSWORD: "Keydesk-1",
        },
        "account": "11000001",
        "password": "Keydesk-1",
        "name": SUPERVISOR.name,
        "session": SESSION,
        "who": SESSION,
        "staff": SUPERVISOR,
        "number": number,
        "reference": number,
        "references": (number,),
        "serial": "E8AD652202221F03",
        "digits": "48210917335",
        "text": "KDESK1:" + "A" * 122,
        "reason": "key盘坏了",
        "delivery": Delivery.COUNTER,
        "pin": FACTORY_PIN,
        "old": FACTORY_PIN,
        "new": "234567",
        "unblocking_pin": "12345678",
        "last_try_confirmed": False,
        "progress": lambda _progress: None,
        "view": view,
        "code": "482913",
        "address": DeliveryAddress("张三丰", "河南省郑州市", "花园路1号"),
        "carrier": "顺丰速运",
        "tracking": "SF1234567890",
        "invoice": InvoiceKind.ORDINARY,
        "details": InvoiceDetails("李晓梅", "", "member@example.cn"),
        "authorised": True,
        "proposal": "0123456789abcdef",
    }
    yield Prepared(setup, service, values)
    database.close()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (busy, Refusal.STORE_BUSY),
        (full, Refusal.DISK_FULL),
        (unreadable, Refusal.STORE_UNREADABLE),
    ],
    ids=["busy", "full", "unreadable"],
)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_is_wrong_with_the_store(
    prepared: Prepared, verb: str, failure: Break, reason: Refusal
) -> None:
    with failure(prepared.setup):
        assert prepared.call(verb) == Refused(reason)


@pytest.mark.parametrize(
    "verb", ["status", "fees", "order", "account", "user_centre", "order_story", "staff_orders"]
)
def test_a_verb_that_was_refused_answers_once_the_store_works_again(prepared: Prepared, verb: str) -> None:
    with busy(prepared.setup):
        assert prepared.call(verb) == Refused(Refusal.STORE_BUSY)
    assert not isinstance(prepared.call(verb), Refused)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (without_inodes, Refusal.INODES_USED_UP),
        (read_only, Refusal.DISK_READ_ONLY),
        (without_descriptors, Refusal.DESCRIPTORS_USED_UP),
    ],
    ids=["no inodes", "read-only", "no descriptors"],
)
@pytest.mark.parametrize("verb", ["status", "place_order", "print_receipt", "vouch", "bind"])
def test_a_verb_names_what_the_disk_or_the_system_lacks_and_works_again_with_it(
    prepared: Prepared, verb: str, failure: Break, reason: Refusal
) -> None:
    with failure(prepared.setup):
        assert prepared.call(verb) == Refused(reason)
    assert prepared.call(verb) != Refused(reason)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EMFILE, Refusal.DESCRIPTORS_USED_UP),
        (errno.EROFS, Refusal.DISK_READ_ONLY),
        (errno.ENOSPC, Refusal.DISK_FULL),
    ],
)
def test_what_the_system_refuses_outside_the_store_is_said_in_the_same_way(
    service: DeskService,
    placed: Callable[[Session, OrderKind], str],
    session: Session,
    pay: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    reason: Refusal,
) -> None:
    order = placed(session, OrderKind.NEW)
    pay(order)

    def refused(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "render", refused)
        assert service.print_receipt(order) == Refused(reason)
    assert service.print_receipt(order) is PrintOutcome.PRINTED
