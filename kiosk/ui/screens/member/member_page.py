"""What the user centre's pages have in common: each lies over the one that opened it, and shows what is written meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, OptionList

from kiosk.desk.member.views import UserCentreView
from kiosk.text.cells import pad, width
from kiosk.text.flows import QUERYING
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult
    from textual.types import CSSPathType
    from textual.widget import Widget
    from textual.widgets.option_list import Option

    from kiosk.desk.member.views import UserCentreOutcome
    from kiosk.text.user_centre import Fact

_CSS = Path(__file__).with_name("member_page.tcss")
_GAP = 2
_FRAME = 8  # the body's padding, the list's frame and its scroll bar
_WIDEST = 92


def aligned(facts: Sequence[Fact]) -> str:
    """Facts in lines whose values stand below one another."""
    widest = max((width(name) for name, _ in facts), default=0)
    return "\n".join(f"{pad(name, widest + _GAP)}{value}" for name, value in facts)


class MemberPage(Overlay[None]):
    """Facts, a list and a sentence, each of which may be missing; Esc goes back to where the member was."""

    CSS_PATH: ClassVar[CSSPathType | None] = _CSS
    ENDS_WITH_STEP = True
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self, view: UserCentreView) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        """Title, facts, list, sentence, buttons."""
        yield self.title_row()
        yield self.head_row(self.heading(), QUERYING, 1)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(id="facts")
            yield Prose(id="note", classes="notable")
            yield Line(id="label", classes="strong")
            yield OptionList(id="rows", markup=False)
            yield Prose(id="said", classes="muted")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
            yield from self.actions()
        yield from self.last_rows()

    @abstractmethod
    def heading(self) -> str:
        """The page's title."""

    def facts(self) -> Sequence[Fact]:
        """The facts above the list."""
        return ()

    def note(self) -> str:
        """A sentence about them."""
        return ""

    def label(self) -> str:
        """What the list is of."""
        return ""

    def rows(self) -> Sequence[Option]:
        """The list; none where the page has no list."""
        return ()

    def said(self) -> str:
        """A sentence below the list."""
        return ""

    def actions(self) -> Iterable[Widget]:
        """Further buttons."""
        return ()

    def choose(self, option: str) -> None:
        """Open the row of that id."""

    @property
    def room(self) -> int:
        """How many cells a row of the list has."""
        return min(self.app.size.width - _FRAME, _WIDEST)

    def opened(self) -> None:
        """Mark the first row."""
        rows = self.query_one("#rows", OptionList)
        rows.action_first()
        self.focus_on("rows" if rows.option_count else "back")
        self.seen()

    def update_content(self) -> None:
        """Show facts, sentences and rows; the row that was marked stays so."""
        facts, note, label = self.query_one("#facts", Line), self.query_one("#note", Prose), self.label()
        text = aligned(self.facts())
        facts.update(text)
        facts.display = bool(text)
        note.say(self.note())
        note.display = bool(note.text)
        self.query_one("#label", Line).update(label)
        self.query_one("#label", Line).display = bool(label)
        said = self.query_one("#said", Prose)
        said.say(self.said())
        said.display = bool(said.text)
        self._fill()

    def _fill(self) -> None:
        rows, listed = self.query_one("#rows", OptionList), self.rows()
        place = rows.highlighted
        marked = None if place is None else rows.get_option_at_index(place).id
        rows.clear_options()
        rows.add_options(listed)
        rows.display = bool(listed)
        if marked is not None:
            rows.highlighted = next((at for at, each in enumerate(listed) if each.id == marked), place)

    def status_changed(self) -> None:
        """Read everything again once something was written."""
        session, read = self.view.session, self.shell.service.user_centre
        self.look_again(lambda: read(session), self._looked)

    def _looked(self, outcome: UserCentreOutcome) -> bool:
        if not isinstance(outcome, UserCentreView):
            return False
        if outcome != self.view:
            self.view = outcome
            self.update_content()
        return True

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the row."""
        if event.option.id is not None:
            self.choose(event.option.id)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back to the page that opened this one."""
        self.dismiss(None)
