"""The staff's view 网络: whether the centre is reached, why not, what to do, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets.option_list import Option

from kiosk.text.contact_faults import AGENT_STOPPED, contact_words, with_retry
from kiosk.text.times import minute
from kiosk.ui.widgets.rows import NETWORKS

if TYPE_CHECKING:
    from kiosk.desk.views.status import DeskStatus
    from kiosk.text.wording import Text

TRY_NOW = "try-now"
"""The row that has the centre tried at once."""


def network_rows(status: DeskStatus, t: Text) -> list[Option]:
    """The rows of the view."""
    line = t(
        "{network}，上次联系 {time}，待传 {backlog} 条",
        network=t(NETWORKS[status.network]),
        time=t("从未") if status.feed_as_of is None else minute(status.feed_as_of),
        backlog=status.backlog,
    )
    contact, rows = status.contact, [Option(line)]
    if status.fingerprint:
        rows.append(Option(t("密钥指纹 {fingerprint}（与中心核对用）", fingerprint=status.fingerprint)))
    if not status.agent_runs:
        stopped, advice = AGENT_STOPPED
        return [*rows, Option(t(stopped)), Option(f"→ {t(advice)}")]
    words = contact_words(contact.trouble, contact.failure, contact.refusal)
    if contact.error:
        said = contact.error if words is None else t(words[0])
        rows.append(Option(with_retry(said, contact.retry_at, t)))
    if words is not None:
        rows.append(Option(f"→ {t(words[1])}"))
    if contact.retry_at is not None:
        rows.append(Option(t("现在就试（Enter）"), id=TRY_NOW))
    return rows
