"""The agent's errors in the language of the catalogue: what is wrong, and what to do.

The English message of a library or of the centre is added in brackets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

from kiosk.commands.failures import CommandError
from kiosk.configuration import ConfigurationError
from kiosk.domain.errors import (
    ChainBroken,
    DomainError,
    EntryMalformed,
    EntryRefused,
    SnapshotMalformed,
)
from kiosk.domain.remarks import RemarkReason
from kiosk.labels import REMARK_REASONS
from kiosk.pki.suites import LibcryptoUnusable
from kiosk.store.agent_state import ContactFault
from kiosk.text.catalogue import N_
from kiosk.text.contact_faults import CONTACT_FAULTS, PROXY_UNUSABLE, REFUSALS
from kiosk.text.failures import configuration_failure, libcrypto_failure, store_failure, with_advice
from kiosk.text.link_faults import AUTHORITY_UNUSABLE, LINK_FAULTS
from sync.agent.errors import (
    AddressInClear,
    AddressInvalid,
    AgentError,
    AnswerUnusable,
    AuthorityUnusable,
    AwaitingRoot,
    CentreBusy,
    CentreUnreachable,
    CentreUntrusted,
    EnrolmentFailed,
    EnrolmentFault,
    HistoryForked,
    NetworkLogin,
    NotEnrolledYet,
    ProxyUnusable,
    RequestRefused,
)
from sync.protocol.errors import BodyTooLarge, Problem, ProblemCode, ProtocolError

Text: TypeAlias = Callable[..., str]
# What is wrong, and what to do about it.
Worded: TypeAlias = tuple[str, str]


def failure(error: Exception, t: Text) -> str:
    """The whole sentence for an error of the agent, protocol, domain, store, configuration or system."""
    return str(error) if isinstance(error, CommandError) else with_advice(*_worded(error, t), t)


def in_brackets(said: str, detail: str, t: Text) -> str:
    """A text with its technical detail in brackets, where there is any."""
    return t("{found}（{detail}）", found=said, detail=detail) if detail else said


def _worded(error: Exception, t: Text) -> Worded:
    match error:
        case AgentError():
            return _agent(error, t)
        case ProtocolError():
            return _protocol(error, t)
        case ConfigurationError():
            return configuration_failure(error, t)
        case LibcryptoUnusable():
            return libcrypto_failure(error, t)
        case DomainError() if not isinstance(error, EntryMalformed | SnapshotMalformed):
            return _domain(error, t)
        case _:
            return store_failure(error, t)


def _agent(error: AgentError, t: Text) -> Worded:  # noqa: PLR0911 - one case an error
    match error:
        case NotEnrolledYet(directory=directory):
            return t("{directory} 里没有登记过的终端机", directory=directory), t(_ENROL)
        case AddressInvalid(address=address):
            said = t("{address} 不是中心的地址", address=address) if address else t("没有写明中心的地址")
            return said, t("用 --centre https://… 给出，或在配置文件 [centre] 的 url 写明")
        case AddressInClear(file=file, address=address):
            said = t(
                "配了中心的证书机构 {file}，中心的地址 {address} 却不是 https", file=file, address=address
            )
            return said, t("把地址改为 https，或去掉 [centre] 的 certificate_authority")
        case AuthorityUnusable(file=file, reason=reason):
            said, advice = AUTHORITY_UNUSABLE
            return t(said, file=file, reason=reason), t(advice)
        case ProxyUnusable():
            said, advice = PROXY_UNUSABLE
            return t(said), t(advice)
        case EnrolmentFailed(fault=fault):
            said, advice = ENROLMENT[fault]
            return t(said, **vars(error)), t(advice, **vars(error))
        case AwaitingRoot(kiosk=kiosk, fingerprint=fingerprint):
            said = t(
                "等待根证书签发：{kiosk} 号终端机，申请指纹 {fingerprint}",
                kiosk=kiosk,
                fingerprint=fingerprint,
            )
            return said, t("让它开着，或者运行 keydesk-sync run，中心签好以后自动接着登记")
        case RequestRefused(status=status, problem=problem):
            return _refused(status, problem, t)
        case CentreUntrusted(trouble=trouble, detail=detail):
            said, advice = LINK_FAULTS[trouble]
            return in_brackets(t(said), detail, t), t(advice)
        case _:
            said, advice = _UNKNOWN if error.failure is None else CONTACT_FAULTS[error.failure]
            return in_brackets(t(said), _detail(error, t), t), t(advice)


def _detail(error: AgentError, t: Text) -> str:
    match error:
        case CentreUnreachable(detail=detail):
            return detail
        case CentreBusy(status=status):
            return f"HTTP {status}"
        case NetworkLogin(detail=detail):
            return detail
        case AnswerUnusable(detail=detail, status=status):
            return detail if status is None else f"HTTP {status}"
        case HistoryForked(sequence=sequence):
            return t("从第 {sequence} 条起", sequence=sequence)
        case _:
            return str(error)


def _refused(status: int, problem: Problem, t: Text) -> Worded:
    said, advice = PROBLEMS[problem.code]
    detail = f"{status} {problem.code.value}"
    if problem.error_number is not None:
        detail = t("{code}，编号 {number}", code=detail, number=problem.error_number)
    return in_brackets(t(said), detail, t), t(advice)


def _protocol(error: ProtocolError, t: Text) -> Worded:
    match error:
        case BodyTooLarge(size=size, limit=limit):
            said, advice = PROBLEMS[ProblemCode.BODY_TOO_LARGE]
            return in_brackets(t(said), f"{size} > {limit}", t), t(advice)
        case _:
            return in_brackets(t("与中心交换的内容不成立"), str(error), t), t(_VERSIONS)


def _domain(error: DomainError, t: Text) -> Worded:
    match error:
        case EntryRefused(
            reason=RemarkReason.ORDER_UNKNOWN | RemarkReason.CERTIFICATE_UNKNOWN, subject=subject
        ):
            return t("要先有的记录还没有到（{missing}）", missing=subject), t("稍后再试")
        case EntryRefused(reason=reason, subject=subject):
            return in_brackets(t(REMARK_REASONS[reason.value]), subject, t), t("联系中心")
        case ChainBroken(sequence=sequence):
            return t("本机日志在第 {sequence} 条接不上", sequence=sequence), t(_VERIFY)
        case _:
            return in_brackets(t("本机的记录不成立"), str(error), t), t(_VERIFY)


def contact_failure(kind: ContactFault | None, error: str, refusal: str, t: Text) -> str:
    """Why the last attempt to reach the centre failed, by the store's record; the English message in brackets."""
    match kind:
        case None:
            return in_brackets(t("与中心的联系没有成功"), error, t)
        case ContactFault.REFUSED if refusal in set(ProblemCode):
            return in_brackets(t(PROBLEMS[ProblemCode(refusal)][0]), refusal, t)
        case ContactFault.BUSY | ContactFault.FORKED:
            return t(CONTACT_FAULTS[kind][0])
        case (
            ContactFault.UNREACHABLE
            | ContactFault.ANSWER_UNUSABLE
            | ContactFault.NETWORK_LOGIN
            | ContactFault.PROXY_REFUSED
            | ContactFault.PROXY_UNREACHABLE
            | ContactFault.UPLOAD_BLOCKED
            | ContactFault.REFUSED
        ):
            return in_brackets(t(CONTACT_FAULTS[kind][0]), error, t)
        case _:
            assert_never(kind)


_ASK = N_("联系中心")
_SUPPORT = N_("联系技术支持")
_ENROL = N_("先运行 keydesk-sync enrol --token 令牌，或用 --data 指明数据目录")
_VERIFY = N_("运行 keydesk journal verify 核对日志，并联系技术支持")
_VERSIONS = N_("核对本机和中心的程序版本，并联系中心")
_UNKNOWN = (N_("没有办成"), _SUPPORT)

PROBLEMS: dict[ProblemCode, Worded] = {code: REFUSALS[code.value] for code in ProblemCode}

ENROLMENT: dict[EnrolmentFault, Worded] = {
    EnrolmentFault.NO_TOKEN: (N_("给的不是登记令牌"), N_("核对令牌，它的样子是 3-XXXX-XXXX-…")),
    EnrolmentFault.ANOTHER_KIOSK_HERE: (
        N_("这个数据目录已是 {here} 号终端机"),
        N_("用 --data 给 {kiosk} 号另一个目录"),
    ),
    EnrolmentFault.TOKEN_REFUSED: PROBLEMS[ProblemCode.TOKEN_REFUSED],
    EnrolmentFault.TOKEN_REPLACED: (
        N_("这个登记令牌已作废：中心在 {detail} 给 {kiosk} 号终端机发了新的"),
        N_("用新的那个令牌；找不到就向中心再要一个"),
    ),
    EnrolmentFault.ANSWER_FOR_ANOTHER: (N_("中心的回答是给别的终端机的，或来自另一个中心"), _ASK),
    EnrolmentFault.NO_PAYMENT_SECRET: (N_("中心的回答里没有付款密钥"), _ASK),
    EnrolmentFault.NOT_SIGNED: (N_("中心的时间或授权策略不是签给本机的"), _ASK),
    EnrolmentFault.CERTIFICATE_INVALID: (N_("中心签发的证书不成立（{detail}）"), _ASK),
}
