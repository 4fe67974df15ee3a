"""Questions that more than one screen asks."""

from __future__ import annotations

from kiosk.ui.screens.confirm import Question
from kiosk.ui.wording import Text


def last_try_question(t: Text) -> Question:
    """Whether the member is sure of the PIN although it is the last try."""
    return Question(
        title=t("最后一次机会"),
        text=t("PIN 再输错一次，这把key盘就会锁死，不能再用。确定刚才输入的 PIN 没有错吗？"),
        yes=t("确定，再试一次"),
        no=t("不试，重新输入"),
    )
