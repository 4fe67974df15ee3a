"""The console's pages, one module for each app; Django finds them here and registers them."""

from __future__ import annotations

from sync.central.console import (
    journal,
    kiosks,
    ledger,
    login,
    machines,
    matters,
    members,
    payments,
    personal,
    proposals,
    requests,
    users,
)

__all__ = [
    "journal",
    "kiosks",
    "ledger",
    "login",
    "machines",
    "matters",
    "members",
    "payments",
    "personal",
    "proposals",
    "requests",
    "users",
]
