"""Rows of the feed that kiosks could not apply: reported by heartbeats, closed by staff."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from kiosk.domain.dismissals import dismissal
from kiosk.domain.feed_keys import MAXIMUM_KEY, name_in_key
from kiosk.domain.versions import ALL, MEMBERS, Version, audience_of_kiosk
from sync.central.fleet.feed.models import FeedRow, KeptRow
from sync.central.fleet.feed.telling import telling
from sync.central.tables import column_text
from sync.protocol.records import KEPT_PROBLEM_LENGTH, MAXIMUM_KEPT, UnappliedNotice


def record_unapplied(kiosk: int, reported: Iterable[UnappliedNotice], now: int) -> None:
    """Record which rows a kiosk reports as not applied, and when it stopped reporting others."""
    readable = {ALL, MEMBERS, audience_of_kiosk(kiosk)}
    named = [each for each in tuple(reported)[:MAXIMUM_KEPT] if each.audience in readable]
    problems = {(each.audience, each.key): each.problem for each in named}
    present = {(row.audience, row.key): row for row in KeptRow.objects.filter(kiosk=kiosk, gone_at=None)}
    gone = [row.id for pair, row in present.items() if pair not in problems]
    KeptRow.objects.filter(id__in=gone).update(gone_at=now)
    fresh = [pair for pair in problems if pair not in present]
    kinds = _kinds(fresh)
    KeptRow.objects.bulk_create(
        [
            KeptRow(
                kiosk=kiosk,
                audience=audience,
                key=key,
                kind=kinds[audience, key],
                problem=column_text(problems[audience, key], KEPT_PROBLEM_LENGTH),
                noted_at=now,
            )
            for audience, key in fresh
            if (audience, key) in kinds
        ]
    )


def _kinds(named: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The kinds of those that the centre ever sent."""
    wanted = Q()
    for audience, key in named:
        wanted |= Q(audience=audience, key=column_text(key, MAXIMUM_KEY))
    rows = FeedRow.objects.filter(wanted).order_by("id") if wanted else FeedRow.objects.none()
    return {(audience, key): kind for audience, key, kind in rows.values_list("audience", "key", "kind")}


def dismiss(row: KeptRow, by: str, remark: str, now: int) -> None:
    """Close a row that a person has seen to; its kiosk forgets it, and nothing else under that key.

    A fact for that kiosk alone is told no more, to whatever machine of it.
    """
    with telling(now) as told:
        row.closed_at, row.closed_by, row.remark = now, by, remark
        row.save(update_fields=["closed_at", "closed_by", "remark"])
        own, name = audience_of_kiosk(row.kiosk), name_in_key(row.key)
        if row.audience == own and name is not None and name.is_immutable:
            told.remove(own, row.key)
        for sent in FeedRow.objects.filter(audience=row.audience, key=row.key).order_by("-id")[:1]:
            told.tell(own, dismissal(row.audience, Version(sent.incarnation, sent.stamp)))
