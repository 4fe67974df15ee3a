"""Writing what was told, as the last step of its transaction: audiences locked, versions given, rows written.

The audiences are locked in ascending order until the commit, so that no row appears behind a cursor: whoever gives the
next version of an audience begins after the one before has committed. What is told of members is read with `MEMBERS`
locked, whose number is below that of any kiosk's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from django.db.models import Max, Q

from kiosk.domain.feed import FeedBody, Removed
from kiosk.domain.feed_keys import RowName, name_in_key
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.feed_rows import body_digest, kind_of, write_body
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version, next_version
from sync.central.fleet.feed.collecting import Rows, Telling
from sync.central.fleet.feed.models import Audience, FeedRow, Incarnation
from sync.protocol.receipts import BITS, Life

_AT_ONCE = 500
"""Keys that one statement names."""
_MILLISECONDS = 1000
_LATER = {
    RowName.PAYMENT_RETURNED: 1,
    RowName.REFUND_PAID: 1,
    RowName.ENTERPRISE: 1,
    RowName.OPERATOR: 2,
    RowName.AUDIENCES: 3,
}
_REMOVED = str(Removed.__struct_config__.tag)


class _Known(msgspec.Struct, frozen=True):
    """A row on record under an audience and key."""

    id: int
    version: Version
    base: Version
    digest: bytes
    kind: str
    live: bool

    @property
    def holds(self) -> bool:
        """Whether it is no removal."""
        return self.kind != _REMOVED

    def last_of_earlier(self, incarnation: int) -> Version:
        """The last version on record from an earlier incarnation: the base of the next row."""
        return self.version if self.version.incarnation < incarnation else self.base


def present_life() -> Life:
    """The centre's incarnation."""
    found = Incarnation.objects.order_by("-number").first()
    if found is None:
        found = Incarnation.objects.get_or_create(number=1, defaults={"bits": secrets.token_bytes(BITS)})[0]
    return Life(found.number, bytes(found.bits))


def present_incarnation() -> int:
    """Its number."""
    return present_life().number


def newest_stamps(audiences: Iterable[int]) -> dict[int, int]:
    """The stamp of the newest row of each of these audiences that has one, ascending."""
    rows = Audience.objects.filter(number__in=tuple(audiences), stamp__gt=0).order_by("number")
    return dict(rows.values_list("number", "stamp"))


def lock_all() -> dict[int, int]:
    """Lock every audience until the transaction ends, so that no row is written meanwhile; their newest stamps."""
    locked = Audience.objects.select_for_update().order_by("number")
    return {each.number: each.stamp for each in locked}


def go_past(stamps: Mapping[int, int]) -> None:
    """Have what is told next lie past these stamps by audience, in the transaction that is open.

    A stamp that somebody else gave is no head: of a head there is a row.
    """
    for number, row in _locked(set(stamps)).items():
        if stamps[number] > max(row.stamp, row.past):
            row.past = stamps[number]
            row.save(update_fields=["past"])


def say_again(audience: int, lost: int, now: int) -> None:
    """Say again, in this incarnation, what was said of an audience since it forgot the row with that stamp.

    Its writers knew nothing of what was lost: the base of each is the last version from before that, so that a decision
    which a kiosk has from there is not undone. In the transaction that is open.
    """
    present, head = present_incarnation(), _locked({audience})[audience]
    live = FeedRow.objects.filter(audience=audience, live=True)
    since = Q(incarnation__lt=present, stamp__gt=lost)
    beyond = Q(incarnation=present, base_incarnation__lt=present, base_stamp__gt=lost)
    for row in live.filter(since | beyond).order_by("stamp"):
        known = (
            FeedRow.objects.filter(audience=audience, key=row.key, stamp__lte=lost).order_by("-stamp").first()
        )
        base = NO_VERSION if known is None else Version(known.incarnation, known.stamp)
        _say_anew(row, base, head, present, now)
    head.save(update_fields=["incarnation", "stamp"])


def _say_anew(row: FeedRow, base: Version, head: Audience, present: int, now: int) -> None:
    """Close a row and say the same under the next version of its audience (not saved), with that base."""
    last = Version(head.incarnation, max(head.stamp, head.past))
    version = next_version(last, present, now * _MILLISECONDS, _newest())
    head.incarnation, head.stamp = version.incarnation, version.stamp
    _close([(row.id, row.key)])  # a receipt may name its version
    row.pk, row.made_at, row.signature = None, now, b""
    row.incarnation, row.stamp = version.incarnation, version.stamp
    row.base_incarnation, row.base_stamp = base.incarnation, base.stamp
    row.save(force_insert=True)


def put_lost(row: Row, now: int) -> FeedRow:
    """Put a row on record, as live, that the centre signed and does not know any more."""
    return FeedRow.objects.create(
        audience=row.audience,
        key=row.key,
        incarnation=row.version.incarnation,
        stamp=row.version.stamp,
        base_incarnation=row.base.incarnation,
        base_stamp=row.base.stamp,
        kind=row.kind,
        body=bytes(row.body),
        digest=row.digest,
        signature=row.signature,
        made_at=now,
    )


def stand_again(row: Row, now: int) -> None:
    """Have a row of a former incarnation that was lost take the place of what stands under its key.

    It is said again in this one, past every cursor. In the transaction that is open.
    """
    go_past({row.audience: row.version.stamp})
    head = _locked({row.audience})[row.audience]
    live = FeedRow.objects.filter(audience=row.audience, key=row.key, live=True)
    _close([(each.id, each.key) for each in live])
    _say_anew(put_lost(row, now), row.version, head, present_incarnation(), now)
    head.save(update_fields=["incarnation", "stamp"])


def write(told: Telling) -> None:
    """Write it, in the transaction that is open and ends with this."""
    shared = {audience for audience in _concerned(told) if audience <= MEMBERS}
    heads = _locked(shared | {MEMBERS} if told.later else shared)
    for tell in told.later:
        tell()
    heads |= _locked(_concerned(told) - heads.keys())
    _close_echoed(told)
    _write_rows(told.rows, heads, told.now)


def _concerned(told: Telling) -> set[int]:
    return {audience for audience, _ in told.rows} | {audience for audience, _ in told.echoed}


def _locked(audiences: set[int]) -> dict[int, Audience]:
    """The audiences, locked in ascending order; one that is new is made in its turn."""
    if not audiences:
        return {}
    numbers = sorted(audiences)
    known = Audience.objects.filter(number__in=numbers)
    if known.count() == len(numbers):
        return {each.number: each for each in known.select_for_update().order_by("number")}
    locked = {}
    for number in numbers:
        Audience.objects.bulk_create([Audience(number=number)], ignore_conflicts=True)
        locked[number] = Audience.objects.select_for_update().get(number=number)
    return locked


def _close_echoed(told: Telling) -> None:
    rows = [row for _, row in told.echoed]
    if rows:
        FeedRow.objects.filter(id__in=rows).update(live=False, echoed_at=told.now, body=b"")


def _write_rows(rows: Rows, heads: dict[int, Audience], now: int) -> None:
    known = _known(rows)
    made, replaced = list[FeedRow](), list[tuple[int, str]]()
    incarnation = present_incarnation() if rows else 0
    newest = _newest() if rows else 0
    for (audience, key), body in sorted(rows.items(), key=_rank):
        data = write_body(body)
        digest, before = body_digest(data), known.get((audience, key))
        if not _is_news(key, body, digest, before):
            continue
        head = heads[audience]
        last = Version(head.incarnation, max(head.stamp, head.past))
        version = next_version(last, incarnation, now * _MILLISECONDS, newest)
        head.incarnation, head.stamp = version.incarnation, version.stamp
        base = NO_VERSION if before is None else before.last_of_earlier(incarnation)
        if before is not None and before.live:
            replaced.append((before.id, key))
        made.append(
            FeedRow(
                audience=audience,
                key=key,
                incarnation=version.incarnation,
                stamp=version.stamp,
                base_incarnation=base.incarnation,
                base_stamp=base.stamp,
                kind=kind_of(body),
                body=data,
                digest=digest,
                made_at=now,
            )
        )
    _close(replaced)
    FeedRow.objects.bulk_create(made, batch_size=_AT_ONCE)
    changed = [heads[audience] for audience in sorted({row.audience for row in made})]
    Audience.objects.bulk_update(changed, ["incarnation", "stamp"])


def _newest() -> int:
    """The newest stamp of any audience, whoever gave it."""
    given = Audience.objects.aggregate(newest=Max("stamp"))["newest"]
    shown = Audience.objects.aggregate(newest=Max("past"))["newest"]
    return max(given or 0, shown or 0)


def _rank(row: tuple[tuple[int, str], FeedBody]) -> int:
    """What comes later: a kiosk may be cut off between rows, and what is missing reads as no.

    Who is served comes after what speaks against it, and is removed before; which audiences are read comes after what
    stands in for them. Money goes back after it came in.
    """
    (_, key), body = row
    name = name_in_key(key)
    rank = 0 if name is None else _LATER.get(name, 0)
    return -rank if isinstance(body, Removed) else rank


def _is_news(key: str, body: FeedBody, digest: bytes, before: _Known | None) -> bool:
    """Whether a row says something else than what is on record; a fact that was told once stays as it was told."""
    if before is None or before.digest == digest:
        return before is None and not isinstance(body, Removed)
    if isinstance(body, Removed):
        return before.live
    return not (_is_immutable(key) and before.holds)


def _known(rows: Rows) -> dict[tuple[int, str], _Known]:
    """What is on record under these keys: the live row, of an immutable one also the one that was echoed."""
    found: dict[tuple[int, str], _Known] = {}
    for immutable in (False, True):
        named = [pair for pair in rows if _is_immutable(pair[1]) is immutable]
        which = Q() if immutable else Q(live=True)
        for some in _portions(named):
            audiences, keys = {audience for audience, _ in some}, {key for _, key in some}
            for row in (
                FeedRow.objects.filter(which, audience__in=audiences, key__in=keys).defer("body").order_by()
            ):
                version = Version(row.incarnation, row.stamp)
                base = Version(row.base_incarnation, row.base_stamp)
                known = _Known(row.id, version, base, bytes(row.digest), row.kind, row.live)
                later = found.get((row.audience, row.key))
                if later is None or later.id < known.id:
                    found[row.audience, row.key] = known
    return found


def _portions(named: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    for begin in range(0, len(named), _AT_ONCE):
        yield named[begin : begin + _AT_ONCE]


def _is_immutable(key: str) -> bool:
    name = name_in_key(key)
    return name is not None and name.is_immutable


def _close(replaced: Iterable[tuple[int, str]]) -> None:
    """Close rows that were replaced; their bodies go, except where an entry may still name them."""
    replaced = tuple(replaced)
    named = [row for row, key in replaced if _is_immutable(key)]
    others = [row for row, key in replaced if not _is_immutable(key)]
    if named:
        FeedRow.objects.filter(id__in=named).update(live=False)
    if others:
        FeedRow.objects.filter(id__in=others).update(live=False, body=b"")
