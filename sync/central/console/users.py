"""The console's own users and groups: Django's pages, with permissions in the console's words, and the rule for new passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db.models import ManyToManyField
from django.http import HttpRequest

from kiosk.domain.password_rules import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    PasswordFault,
    password_fault,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    _Choices: TypeAlias = forms.ModelMultipleChoiceField[Permission]
    _Users: TypeAlias = UserAdmin[User]
else:  # which take no parameters when they run
    _Choices, _Users = forms.ModelMultipleChoiceField, UserAdmin

PASSWORD_RULE = (
    f"密码 {SHORTEST_PASSWORD} 至 {LONGEST_PASSWORD} 个字符，字母、数字、符号至少两种，不含空格和登录账号"
)

_FAULTS = {
    PasswordFault.SHORT: f"至少 {SHORTEST_PASSWORD} 个字符",
    PasswordFault.LONG: f"最多 {LONGEST_PASSWORD} 个字符",
    PasswordFault.CHARACTER: "只能用字母、数字和键盘上的符号，不能有空格",
    PasswordFault.PLAIN: "字母、数字、符号至少要用两种",
    PasswordFault.ACCOUNT: "不能含有登录账号",
}


def password_refusal(password: str, account: str) -> str | None:
    """Why whoever signs in by that account or name cannot have a password; None where it may be."""
    fault = password_fault(password, account)
    return None if fault is None else _FAULTS[fault]


class PasswordRule:
    """The rule as Django's validator (`AUTH_PASSWORD_VALIDATORS`)."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raises ValidationError."""
        refused = password_refusal(password, "" if user is None else user.get_username())
        if refused is not None:
            raise ValidationError(refused)

    def get_help_text(self) -> str:
        """Return what a password must be."""
        return PASSWORD_RULE


_VERBS = {"add": "增加", "change": "修改", "delete": "删除", "view": "查看"}
_DJANGOS_OWN = "Can "


class PermissionField(_Choices):
    """Permissions to choose from; Django keeps its own names of them in English."""

    def label_from_instance(self, obj: Any) -> str:
        """The app, the kind of row, and what may be done to it."""
        kind = obj.content_type
        verb = _VERBS.get(obj.codename.partition("_")[0])
        named = f"可以{verb}" if verb is not None and obj.name.startswith(_DJANGOS_OWN) else obj.name
        return f"{kind.app_labeled_name}：{named}"


class _Permissions:
    """Pages on which permissions are given."""

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest | None = None, **named: Any
    ) -> Any:
        """Django's field, its permissions in Chinese."""
        if db_field.remote_field.model is Permission:
            named["form_class"] = PermissionField
        return super().formfield_for_manytomany(db_field, request, **named)  # type: ignore[misc]  # Django's


class ConsoleUserAdmin(_Permissions, _Users):
    """Who may sign in to the console."""


class ConsoleGroupAdmin(_Permissions, GroupAdmin):
    """What several of them may do."""


admin.site.unregister((User, Group))
admin.site.register(User, ConsoleUserAdmin)
admin.site.register(Group, ConsoleGroupAdmin)
