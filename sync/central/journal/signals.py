"""What the journal tells the apps above it."""

from __future__ import annotations

from django.dispatch import Signal

entries_received = Signal()
"""Entries came in, on the chain or beside it: `received` (list[ReceivedEntry]), their `facts` (list[Fact]), `now`.

Sent within the transaction that keeps them; what a receiver raises undoes it.
"""
