"""Acting on the console's lists."""

from __future__ import annotations

from django.db.models import Model
from django.test import Client
from django.urls import reverse


def act(client: Client, model: type[Model], action: str, *keys: object, **more: str) -> str:
    """The page after an action on the rows of these keys."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [str(key) for key in keys], **more}
    return client.post(reverse(name), chosen, follow=True).content.decode()
