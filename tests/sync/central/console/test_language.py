"""The console speaks Chinese, where Django's own words are English too."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db

ENGLISH = re.compile(r"[A-Za-z]{3,} [a-z]{2,}")
"""Two words in a row, which no code, number or name of a field here has."""


def said(page: str) -> set[str]:
    """What stands on a page for people: its text, and what is read aloud or shown beside."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", page)
    spoken = re.findall(r'(?:title|aria-label|placeholder)="([^"]+)"', text)
    return {html.unescape(each).strip() for each in (*re.findall(r">([^<]+)<", text), *spoken)}


def test_no_page_of_the_console_has_sentences_in_english(staff: Client, served: KioskDouble) -> None:
    addresses = [reverse("admin:index"), reverse("admin:password_change")]
    for model in admin.site._registry:
        named = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses += [reverse(f"{named}_changelist"), reverse(f"{named}_add")]
        row = model._base_manager.first()
        if row is not None:
            addresses += [reverse(f"{named}_{page}", args=[row.pk]) for page in ("change", "history")]
    found = {
        (address, each)
        for address in addresses
        if (answer := staff.get(address)).status_code == 200
        for each in said(answer.content.decode())
        if ENGLISH.search(each)
    }
    assert not found


def test_who_is_not_signed_in_and_who_asks_for_no_page_reads_chinese(staff: Client) -> None:
    login = Client().post(reverse("admin:login"), {"username": "nobody", "password": "wrong"})
    assert not {each for each in said(login.content.decode()) if ENGLISH.search(each)}
    missing = staff.get("/admin/nowhere/")
    assert missing.status_code == 404
    assert "没有这个页面" in missing.content.decode()
