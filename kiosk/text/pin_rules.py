"""The rules for a new PIN: shown before typing and checked before the key is used."""

from __future__ import annotations

import msgspec

from kiosk.desk.views.tokens import TokenOutcome, TokenView
from kiosk.text.catalogue import N_
from kiosk.text.wording import LazyText, Text

_PIV = "PIV"


class PinRules(msgspec.Struct, frozen=True):
    """The shortest and longest PIN in characters, and whether they must be digits."""

    shortest: int = 6
    longest: int = 16
    digits: bool = False

    def sentence(self, t: Text) -> str:
        """The rules as a sentence for the member."""
        kind = t("位数字") if self.digits else t("位数字或字母")
        return t(
            "新PIN码 {shortest} 至 {longest} {kind}，不能是初始PIN码。请自己记住，不要告诉别人。",
            shortest=self.shortest,
            longest=self.longest,
            kind=kind,
        )

    def problem(self, new: str, again: str) -> tuple[str, LazyText] | None:
        """The wrong field ("new" or "again") and its error; None when both are right."""
        wrong = self._wrong_with(new)
        if wrong is not None:
            return "new", wrong
        if new != again:
            return "again", _lazy(N_("两次输入的不一样") if again else N_("请再输一遍"))
        return None

    def _wrong_with(self, new: str) -> LazyText | None:
        if not new:
            return _lazy(N_("请填写"))
        if not self.shortest <= len(new) <= self.longest:
            shortest, longest = self.shortest, self.longest
            return lambda t: t("要 {shortest} 至 {longest} 位", shortest=shortest, longest=longest)
        if self.digits and not (new.isascii() and new.isdigit()):
            return _lazy(N_("只能用数字"))
        return None if new.isascii() and new.isalnum() else _lazy(N_("只能用数字和字母"))


def rules_for(token: TokenOutcome | None) -> PinRules:
    """The rules of the inserted key; a PIV card takes up to eight digits (NIST SP 800-73-4 part 2, 2.4.3)."""
    if isinstance(token, TokenView) and token.application == _PIV:
        return PinRules(longest=8, digits=True)
    return PinRules()


def initial_pin(token: TokenOutcome | None, usual: str) -> str:
    """What the inserted key was delivered with, as its driver's profile says; else the usual one."""
    return (isinstance(token, TokenView) and token.issued_pin) or usual


def _lazy(sentence: str) -> LazyText:
    return lambda t: t(sentence)
