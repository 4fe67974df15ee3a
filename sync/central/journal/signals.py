"""The signals that the journal sends to the apps above it."""

from __future__ import annotations

from django.dispatch import Signal

entries_received = Signal()
"""Entries were stored, on the chain or beside it: `received` (list[ReceivedEntry]), their `facts` (list[Fact]), `now`, `sent_at`.

`sent_at` (int | None) is when their machine sent them by its own clock. Sent within the transaction that stores them; an exception of a receiver rolls it back.
"""

incarnation_began = Signal()
"""The centre was put back from a backup and begins another incarnation: its `number` (int), `now` (UTC seconds).

Sent within the transaction in which it begins.
"""
