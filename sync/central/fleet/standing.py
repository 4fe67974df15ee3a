"""What a database that is put back must not undo, in a file beside it.

Retirements, revocations, incarnations, and which epoch and machine each kiosk was given last when one was enrolled.

A line of JSON for each, on the disk soon after the transaction that it is of. A database that lacks one of them was put
back from a backup; nobody works with it before a person says so (`keydesk-central restored`), by which it takes them over.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction

from hardware.disk import append_durably
from sync.central.configuration import STANDING
from sync.central.errors import DatabaseBehind
from sync.central.fleet.feed.models import Incarnation
from sync.central.fleet.machines import end, machine_of, made_of
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.protocol.deeds import SignedDeed

FILE = STANDING
_INCARNATION = "incarnation"
_RANKS: dict[str, int] = {MachineState.RETIRED: 1, MachineState.LOST: 2, MachineState.REVOKED: 3}
_GIVEN = {"epoch": "epoch_given", "machine": "machine_given"}
_SHOWN = 5


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one thing stands.

    A revoked kiosk (`3`), a machine (`3/1`, with its deed), the centre (`incarnation 2`, with its bits), or what a kiosk was
    given last (`epoch 3` and `machine 3`, with the number).
    """

    subject: str
    state: str = ""
    deed: SignedDeed | None = None
    bits: bytes = b""
    given: int = 0

    @property
    def rank(self) -> int:
        """A higher one is later."""
        return self.given or _RANKS.get(self.state, 0)

    def __str__(self) -> str:
        return f"{self.subject} {self.state or self.given or ''}".strip()


Standings = dict[str, Standing]
_LINE = msgspec.json.Decoder(Standing)


def path() -> Path:
    """The file of this centre."""
    return Path(settings.KEYDESK.directory) / FILE


def record_soon() -> None:
    """Write down what has changed once the transaction that is open has committed."""
    transaction.on_commit(record)


def record() -> None:
    """Write down what the database has and the file has not. Raises OSError."""
    missing = list(_beyond(_of_database(), _of_file()))
    if missing:
        append_durably(path(), b"".join(msgspec.json.encode(each) + b"\n" for each in missing))


def require_not_behind() -> None:
    """Raise DatabaseBehind where the file has something that the database has not; OSError."""
    lacks = [str(each) for each in _beyond(_of_file(), _of_database())]
    if lacks:
        raise DatabaseBehind(path(), lacks[:_SHOWN])


def begin_work() -> None:
    """What every start does: work with no database that is behind the file, and note what the file lacks.

    Raises DatabaseBehind, OSError.
    """
    require_not_behind()
    record()


def take_over(now: int) -> int:
    """Let the database have what the file has; how many there were. Raises OSError, BodyMalformed."""
    with transaction.atomic():
        lacks = list(_beyond(_of_file(), _of_database()))
        for each in lacks:
            _take(each, now)
    return len(lacks)


def _take(each: Standing, now: int) -> None:
    if each.subject.startswith(_INCARNATION):
        life = int(each.subject.removeprefix(_INCARNATION))
        Incarnation.objects.create(number=life, bits=each.bits, begun_at=now)
        return
    what, _, number = each.subject.partition(" ")
    if what in _GIVEN:
        row, _ = Kiosk.objects.get_or_create(number=int(number))
        setattr(row, _GIVEN[what], each.given)
        row.save(update_fields=[_GIVEN[what]])
        return
    kiosk, _, number = each.subject.partition("/")
    Kiosk.objects.get_or_create(number=int(kiosk))
    if not number:
        Kiosk.objects.filter(number=int(kiosk)).update(state=KioskState.REVOKED)
        return
    state, machine = MachineState(each.state), machine_of(int(kiosk), int(number))
    if machine is None and each.deed is not None:
        machine = made_of(each.deed, state, now)
        machine.save(force_insert=True)
    if machine is not None:
        end(machine, state, "", "数据库恢复之前已停用", now)


def _of_database() -> Standings:
    found = [
        Standing(str(number))
        for number in Kiosk.objects.filter(state=KioskState.REVOKED).values_list("number", flat=True)
    ]
    for machine in Machine.objects.filter(state__in=_RANKS).order_by("key"):
        deed = msgspec.json.decode(bytes(machine.deed), type=SignedDeed)
        found.append(Standing(f"{machine.kiosk_id}/{machine.number}", machine.state, deed))
    lives = Incarnation.objects.filter(number__gt=1).order_by("number")
    found += [Standing(f"{_INCARNATION} {life.number}", bits=bytes(life.bits)) for life in lives]
    given = Kiosk.objects.order_by("number").values_list("number", "epoch_given", "machine_given")
    for kiosk, *numbers in given:
        found += [
            Standing(f"{what} {kiosk}", given=number)
            for what, number in zip(_GIVEN, numbers, strict=True)
            if number
        ]
    return {each.subject: each for each in found}


def _of_file() -> Standings:
    found: Standings = {}
    file = path()
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            each = _LINE.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # cut off when the power went: its transaction's next record has it again
        if each.subject not in found or found[each.subject].rank <= each.rank:
            found[each.subject] = each
    return found


def _beyond(these: Standings, those: Standings) -> Iterable[Standing]:
    """What the first has and the second has not, or has as it was earlier."""
    for subject, each in these.items():
        other = those.get(subject)
        if other is None or other.rank < each.rank:
            yield each
