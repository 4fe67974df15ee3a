"""What the console's pages of one row show: words, times of the clock and yuan, not what the tables hold."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from bench.central_rows import BEGINNING, fill
from sync.central.console.base import ReadOnlyAdmin
from sync.central.payments.models import Payment, PaymentAttempt

pytestmark = pytest.mark.django_db
READ_ONLY = [model for model, page in site._registry.items() if isinstance(page, ReadOnlyAdmin)]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def shown(page: str) -> str:
    """What stands on a page beside its navigation."""
    content = page[page.index('<div id="content-main"') :]
    return re.sub(r"<[^>]*>", " ", content)


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_a_page_shows_times_of_the_clock_and_amounts_in_yuan(staff: Client, model: type[Model]) -> None:
    fill([Payment, PaymentAttempt] if model is Payment else [model], 2)
    row = model._base_manager.order_by("-pk")[0]
    options = model._meta
    answer = staff.get(reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(row.pk,)))
    assert answer.status_code == 200
    page = shown(answer.content.decode())
    assert str(BEGINNING)[:6] not in page.replace(",", "")
    assert "(分)" not in page
