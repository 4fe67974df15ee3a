"""② 验证信息: the fields of each service, all errors at once, and an offer of the right service."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input

from kiosk.desk.views.orders import (
    OrderOpen,
    OrderView,
    PaidElsewhere,
    Placed,
    PlaceOutcome,
    Verified,
    VerifyOutcome,
    WrongKind,
)
from kiosk.desk.views.people import (
    Field,
    FieldRefusal,
    FieldsRefused,
    LockedOut,
    SecondAllowed,
    Session,
    StaffSession,
    WrongCredentials,
    fields_of,
)
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import Network
from kiosk.domain.identifiers import number_in
from kiosk.text.catalogue import N_
from kiosk.text.flows import ORDERING
from kiosk.text.money import yuan
from kiosk.text.times import day
from kiosk.text.wording import (
    FIELD_REFUSALS,
    FIELDS,
    KINDS,
    OFFER_REASONS,
    aged,
    locked_out,
    with_support,
    wrong_credentials,
)
from kiosk.ui.page import Page
from kiosk.ui.routes import Route, step_of
from kiosk.ui.screens.common.confirm import ConfirmScreen, Question
from kiosk.ui.screens.common.reason import ReasonScreen
from kiosk.ui.screens.common.staff_sign_in import SupervisorScreen
from kiosk.ui.screens.order.amounts import price_of
from kiosk.ui.widgets import fields as widgets
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.widgets.touch_boards import Board

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.orders import FeeTable, QuoteOutcome
    from kiosk.domain.fees import OrderKind
    from kiosk.text.wording import LazyText, Text


_MISMATCH = N_("资料对不上。请核对后再试，登记的资料有误请联系工作人员。")


_FORGETTABLE = {Field.ACCOUNT, Field.PASSWORD}


class VerifyScreen(Page[None]):
    """Verifies the member and that the chosen service fits."""

    CSS_PATH = "verify.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.fees: FeeTable | None = None
        self.problems: dict[Field, FieldRefusal] = {}
        self.message: LazyText | None = None
        self.allowed: SecondAllowed | None = None
        # Those that stand there; the visit may have another kind already.
        self._fields: tuple[Field, ...] = ()

    def compose(self) -> ComposeResult:
        """The fields of the kind."""
        visit = self.shell.visit
        self._fields = fields_of(visit.kind)
        yield self.title_row()
        yield self.head_row(self.t(KINDS[visit.kind]), ORDERING, 1)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(id="kind", classes="strong")
            yield Prose(
                self.t("带 * 的都要填。名字可输拼音首字母，企业前四字就够，「北京粮油」输「bjly」。"),
                classes="muted how",
            )
            for field in self._fields:
                yield widgets.FieldRow(
                    f"*{self.t(FIELDS[field])}",
                    widgets.Field(
                        visit.typed.get(field, ""),
                        id=field.value,
                        password=field is Field.PASSWORD,
                        board=Board.DIGITS if field is Field.ACCOUNT else Board.LETTERS,
                    ),
                    self.forgotten_hint(field.value) if field in _FORGETTABLE else None,
                )
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Esc  上一步"), id="back")
            yield Action(self.t("Enter  下一步"), id="next", main=True)
        yield from self.last_rows()

    def opened(self) -> None:
        """Read the price, and focus what is still to be typed."""
        empty = (field for field in self._fields if not self.shell.visit.typed.get(field))
        self.focus_on(next(empty, self._fields[0]).value)
        self.fetch(self.shell.service.fees, self._fees_arrived)

    def _fees_arrived(self, fees: FeeTable | Refused | None) -> None:
        if isinstance(fees, Refused):
            self._say(self.refusal(fees))
            return
        self.fees = fees
        self.update_content()

    def update_content(self) -> None:
        """Show the service, its price, the error of each field, and the message."""
        kind = self.shell.visit.kind
        price = price_of(self.fees, kind)
        self.query_one("#kind", Line).update(
            self.t("key盘类型 {kind}", kind=self.t(KINDS[kind]))
            + ("   " + self.t("价格 {amount} 元", amount=yuan(price)) if price is not None else "")
        )
        for field in self._fields:
            problem = self.problems.get(field)
            row = self.query_one(f"#row-{field.value}", widgets.FieldRow)
            row.show_error(self.t(FIELD_REFUSALS[problem]) if problem else "")
        self.query_one("#message", Prose).say(self.localized(self.message))

    def on_field_corrected(self, message: widgets.Field.Corrected) -> None:
        """Forget the error of a field that is being corrected."""
        self.problems = {
            field: each for field, each in self.problems.items() if field.value != message.field.id
        }

    def _keep_typed(self) -> dict[Field, str]:
        """Everything typed; the visit keeps it for when the member comes back, but no password."""
        typed = {field: self.query_one(f"#{field.value}", widgets.Field).value for field in self._fields}
        self.shell.visit.typed.update(typed)
        self.shell.visit.typed.pop(Field.PASSWORD, None)
        return typed

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back to the notice, keeping the typed values."""
        if not self.busy:
            self._keep_typed()
            self.shell.go(Route.NOTICE)

    @on(Button.Pressed, "#next")
    @on(Input.Submitted)
    def verify(self) -> None:
        """Verify with the desk, unless fields are empty."""
        typed = self._keep_typed()
        self.problems = {field: FieldRefusal.EMPTY for field, value in typed.items() if not value.strip()}
        self.message = None
        if self.problems:
            self._show_problems()
            return
        self.update_content()
        self.allowed = None
        kind = self.shell.visit.kind
        self._verify(kind, typed)

    def _verify(self, kind: OrderKind, typed: dict[Field, str]) -> None:
        verify = self.shell.service.verify
        self.ask(
            lambda: verify(kind, typed),
            lambda outcome: self._verified(outcome, typed),
            self.t("正在核对，请稍候"),
        )

    def _show_problems(self) -> None:
        self.update_content()
        self.focus_on(next(field for field in self._fields if field in self.problems).value)

    def _say(self, message: LazyText) -> None:
        self.message = message
        self.update_content()

    def _verified(self, outcome: VerifyOutcome, typed: dict[Field, str] | None = None) -> None:
        support = self.shell.settings.support_line
        match outcome:
            case FieldsRefused(problems, as_of, operator):
                self.problems = problems
                self.message = (
                    (lambda t: with_support(t, aged(t, t(_MISMATCH), as_of), support))
                    if FieldRefusal.DOES_NOT_MATCH in problems.values()
                    else None
                )
                self._show_problems()
                if operator is not None and typed is not None:
                    self._offer_own_name(operator, typed, as_of)
            case WrongCredentials():
                self._say(lambda t: wrong_credentials(t, outcome))
                self.focus_on(Field.PASSWORD.value)
            case LockedOut():
                self._say(lambda t: locked_out(t, outcome, support))
            case Verified() | WrongKind() | OrderOpen() | PaidElsewhere() | Refused():
                self._quoted(outcome)
            case _:
                assert_never(outcome)

    def _offer_own_name(self, name: str, typed: dict[Field, str], as_of: int | None) -> None:
        """Offer the operator's name on record, which not everybody can type; the password has opened the account."""
        kind = self.shell.visit.kind

        def question(t: Text) -> Question:
            return Question(
                title=t("企业操作员姓名"),
                text=aged(t, t(_MISMATCH), as_of)
                + t("这个账号登记的操作员是「{name}」。是您本人吗？", name=name),
                yes=t("是，就用这个姓名"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if not yes:
                return
            self.query_one(f"#{Field.OPERATOR.value}", widgets.Field).value = name
            self.shell.visit.typed[Field.OPERATOR] = name
            self.problems, self.message = {}, None
            self.update_content()
            self._verify(kind, typed | {Field.OPERATOR: name})

        self.app.push_screen(ConfirmScreen(question, about_keys=True), answered)

    def _quoted(self, outcome: QuoteOutcome) -> None:
        match outcome:
            case Verified(session, quote):
                self.shell.visit.session = session
                if quote.open_elsewhere and self.allowed is None:
                    self._confirm_second(outcome)
                else:
                    self._confirm(outcome)
            case WrongKind():
                self._offer(outcome)
            case OrderOpen() | PaidElsewhere() | Refused():
                self._not_placed(outcome)
            case _:
                assert_never(outcome)

    def _not_placed(self, outcome: OrderOpen | PaidElsewhere | Refused) -> None:
        match outcome:
            case OrderOpen(session, number):
                self._go_on(session, number)
            case PaidElsewhere():
                self._ask_supervisor(outcome)
            case Refused():
                self._say(self.refusal(outcome))
            case _:
                assert_never(outcome)

    def _ask_supervisor(self, paid: PaidElsewhere) -> None:
        """Tell where the order that is paid goes on; a supervisor may allow another one here."""

        def question(t: Text) -> Question:
            said = (
                N_(
                    "这个账号的同类订单 {number} 已经付款，但本机没有它的记录，请叫工作人员，不要再付一次。"
                    "确要在这里另下一单，须主管同意。"
                )
                if paid.here
                else N_(
                    "这个账号的同类订单 {number} 已在 {kiosk} 号终端机付款，请到那里接着办，或请工作人员转移过来，不要再付一次。"
                    "确要在这里另下一单，须主管同意。"
                )
            )
            text = t(said, number=number_in(paid.other.order), kiosk=paid.other.kiosk)
            return Question(
                title=t("另有已付款的订单"),
                text=aged(t, text, paid.feed_as_of),
                yes=t("主管同意另下一单"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self.app.push_screen(SupervisorScreen(), lambda staff: self._ask_reason(paid, staff))

        self.app.push_screen(ConfirmScreen(question), answered)

    def _ask_reason(self, paid: PaidElsewhere, staff: StaffSession | None) -> None:
        if staff is None:
            return

        def question(t: Text) -> Question:
            return Question(
                title=t("同意另下一单"),
                text=t(
                    "另一笔 {number} 仍可办理或退款。同意后会记下您的姓名和原因。",
                    number=number_in(paid.other.order),
                ),
                yes=t("同意"),
                no=t("返回"),
            )

        def answered(reason: str | None) -> None:
            if reason:
                self._quote_again(paid.session, SecondAllowed(staff, reason))

        self.app.push_screen(ReasonScreen(question), answered)

    def _quote_again(self, session: Session, allowed: SecondAllowed) -> None:
        self.allowed = allowed
        kind, quote = self.shell.visit.kind, self.shell.service.quote
        self.ask(lambda: quote(session, kind, allowed), self._quoted, self.t("正在核对，请稍候"))

    def _confirm(self, verified: Verified) -> None:
        if verified.quote.declares_loss:
            self._confirm_loss(verified)
        else:
            self._place(verified.session)

    def _confirm_second(self, verified: Verified) -> None:
        """Ask whether a second order is meant beside one at another kiosk, which is not paid, or by that kiosk's word alone."""
        other = verified.quote.open_elsewhere[0]

        def question(t: Text) -> Question:
            said = (
                N_(
                    "这个账号在 {kiosk} 号终端机还有一笔已付款、没办完的同类订单 {number}，请到那里接着办，不要再付一次。"
                    "仍要在这里另下一单吗？"
                )
                if other.paid
                else N_(
                    "这个账号在 {kiosk} 号终端机还有一笔没付款的同类订单 {number}，到时没付款会自动取消。"
                    "只付其中一笔。在这里另下一单吗？"
                )
            )
            return Question(
                title=t("另有已付款的订单") if other.paid else t("另有未付款的订单"),
                text=t(said, kiosk=other.kiosk, number=number_in(other.order)),
                yes=t("在这里下单"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._confirm(verified)

        self.app.push_screen(ConfirmScreen(question), answered)

    def _confirm_loss(self, verified: Verified) -> None:
        previous = verified.quote.previous
        old = day(previous.not_after) if previous is not None else "-"
        offline = self.shell.status is not None and self.shell.status.network is not Network.ONLINE

        def question(t: Text) -> Question:
            text = (
                N_(
                    "原key盘有效期至 {old}。补办下单后原key盘挂失（本机离线，联网后生效），不能再登录；剩下的时间累计到"
                    "新key盘，到 {end}。确定丢失了吗？"
                )
                if offline
                else N_(
                    "原key盘有效期至 {old}。补办下单后原key盘立即挂失，不能再登录；剩下的时间累计到新key盘，"
                    "到 {end}。确定丢失了吗？"
                )
            )
            return Question(
                title=t("确认挂失并补办"),
                text=t(text, old=old, end=day(verified.quote.ends_at)),
                yes=t("确定，挂失补办"),
                no=t("返回"),
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._place(verified.session)

        self.app.push_screen(ConfirmScreen(question), answered)

    def _offer(self, wrong: WrongKind) -> None:
        def question(t: Text) -> Question:
            offered = t(KINDS[wrong.offered])
            return Question(
                title=t("换一项业务"),
                text=aged(t, t(OFFER_REASONS[wrong.because]), wrong.feed_as_of)
                + t("应当办理「{kind}」，填好的内容不用重填。", kind=offered),
                yes=t("改办 {kind}", kind=offered),
                no=t("返回"),
                prefer_yes=True,
            )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                self._change_kind(wrong)

        self.app.push_screen(ConfirmScreen(question), answered)

    def _change_kind(self, wrong: WrongKind) -> None:
        self.shell.visit.kind = wrong.offered
        self.shell.visit.session = wrong.session
        self.allowed = None  # it was for the other kind
        self.call_later(self.rebuild)
        quote = self.shell.service.quote
        self.ask(lambda: quote(wrong.session, wrong.offered), self._quoted, self.t("正在核对，请稍候"))

    def _place(self, session: Session) -> None:
        kind, allowed = self.shell.visit.kind, self.allowed
        place = self.shell.service.place_order
        self.ask(lambda: place(session, kind, allowed), self._placed, self.t("正在下单，请稍候"))

    def _placed(self, outcome: PlaceOutcome) -> None:
        if isinstance(outcome, Placed):
            self._show_order(outcome.order)
        else:
            self._not_placed(outcome)

    def _go_on(self, session: Session, number: str) -> None:
        self.shell.visit.session = session
        notice = self.t("您有一笔同类订单没有办完，接着办理")
        self.shell.announce(notice, for_seconds=4)
        self.fetch(lambda: self.shell.service.order(number), self._show_order)

    def _show_order(self, order: OrderView | Refused | None) -> None:
        if not isinstance(order, OrderView):
            self.forget_secrets()
            self._say((lambda t: t("这笔订单读不到了，请重试。")) if order is None else self.refusal(order))
            return
        self.shell.visit.order = order
        self.shell.go(step_of(order))
