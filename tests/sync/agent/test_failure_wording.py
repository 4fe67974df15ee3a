"""Whatever the agent fails with is one sentence with what to do, in either language, and nothing is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.crypto.libcrypto import LibcryptoFault, LibcryptoUnusable
from kiosk.domain.errors import (
    ChainBroken,
    DomainError,
    EntryMalformed,
    EntryRefused,
    PersonalMalformed,
    SnapshotMalformed,
)
from kiosk.domain.remarks import RemarkReason
from kiosk.labels import REMARK_REASONS
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.contact_faults import CONTACT_FAULTS
from kiosk.text.link_faults import LINK_FAULTS
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
    ProxyRefused,
    ProxyUnreachable,
    ProxyUnusable,
    RequestRefused,
    UploadBlocked,
)
from sync.agent.failure_wording import ENROLMENT, PROBLEMS, contact_failure, failure
from sync.protocol.errors import (
    BodyMalformed,
    BodyTooLarge,
    ClockOff,
    Problem,
    ProblemCode,
    ProtocolError,
    SignatureRefused,
)

CHINESE, ENGLISH = Catalogue(Language.CHINESE).text, Catalogue(Language.ENGLISH).text
CHINESE_TYPE = re.compile("[\u3000-〿一-鿿！-～]")
# What people type, and what they know by its English name.
NAMES = re.compile(
    r"keydesk-sync enrol --token|keydesk-sync run|keydesk journal verify|keydesk restore|--centre https://|--data|\[centre\]|certificate_authority|proxy|url"
    r"|https|key盘|/var/lib/keydesk|/etc/centre\.pem|http://c|http://|libcrypto|OpenSSL|Debian|libssl3(t64)?|SM2|^centre(?= 不是)"
)
REFUSED = Problem(ProblemCode.CHAIN_BROKEN, "An entry's link is wrong.", error_number="7F3A")

AGENT = (
    NotEnrolledYet(Path("/var/lib/keydesk")),
    AddressInvalid(""),
    AddressInvalid("centre"),
    AuthorityUnusable(Path("/etc/centre.pem"), "no certificate"),
    AddressInClear(Path("/etc/centre.pem"), "http://c"),
    *(
        EnrolmentFailed(
            problem,
            kiosk=4,
            here=3,
            detail="2026-12-01 00:22:51" if problem is EnrolmentFault.TOKEN_REPLACED else "expired",
        )
        for problem in EnrolmentFault
    ),
    AwaitingRoot(3, "0A1B-2C3D-4E5F-6071"),
    HistoryForked(7),
    CentreUnreachable("ConnectError: refused"),
    *(CentreUntrusted(trouble, "verify failed") for trouble in LinkFault),
    ProxyUnreachable("ProxyNotReached: 10.0.0.1:3128: refused"),
    ProxyUnusable(),
    CentreBusy(503, 7.0),
    AnswerUnusable("not the centre's answer"),
    AnswerUnusable("the answer is a bare 500", 500),
    NetworkLogin("HTTP 302, portal.example", 302),
    ProxyRefused("CONNECT: 407 Proxy Authentication Required"),
    UploadBlocked("HTTP 413", 413),
    *(RequestRefused(422, Problem(code, "No.")) for code in ProblemCode),
)
PROTOCOL = (
    SignatureRefused("no signature"),
    ClockOff(1, 2),
    BodyTooLarge(2, 1),
    BodyMalformed("no batch"),
)
LIBCRYPTO = tuple(LibcryptoUnusable(fault, "libcrypto.so.3") for fault in LibcryptoFault)
DOMAIN = (
    *(EntryRefused(reason, "3-0147-6") for reason in RemarkReason),
    EntryMalformed("no entry"),
    SnapshotMalformed("no snapshot"),
    PersonalMalformed("no record"),
    ChainBroken(3, 1, 9),
)


def _leaves(of: type[Exception]) -> Iterator[type[Exception]]:
    below = of.__subclasses__()
    if not below:
        yield of
    for each in below:
        yield from _leaves(each)


@pytest.mark.parametrize(
    ("errors", "root"), [(AGENT, AgentError), (PROTOCOL, ProtocolError), (DOMAIN, DomainError)]
)
def test_the_examples_below_are_all_that_can_be_raised(
    errors: tuple[Exception, ...], root: type[Exception]
) -> None:
    declared = {each for each in _leaves(root) if each.__module__ == root.__module__}
    assert {type(error) for error in errors} >= declared


@pytest.mark.parametrize(
    "error", [*AGENT, *PROTOCOL, *DOMAIN, *LIBCRYPTO], ids=lambda error: f"{type(error).__name__} {error}"
)
def test_a_failure_is_one_sentence_that_says_what_to_do(error: Exception) -> None:
    chinese, english = failure(error, CHINESE), failure(error, ENGLISH)
    assert re.search("。请.", chinese)
    assert "没有办成" not in chinese
    assert not CHINESE_TYPE.search(english)
    for said in (chinese, english):
        assert not re.search("[{}\n]|None", said)


@pytest.mark.parametrize(
    "error", [*AGENT, *PROTOCOL, *DOMAIN, *LIBCRYPTO], ids=lambda error: type(error).__name__
)
def test_english_stands_only_in_brackets_and_in_names_of_files_commands_and_options(error: Exception) -> None:
    told = re.sub("（[^）]*）", "", failure(error, CHINESE))
    assert not re.search("[a-z]", NAMES.sub("", told))


def test_every_member_that_travels_has_words() -> None:
    assert set(PROBLEMS) == set(ProblemCode)
    assert set(CONTACT_FAULTS) == set(ContactFault)
    assert set(ENROLMENT) == set(EnrolmentFault)
    assert set(REMARK_REASONS) >= set(RemarkReason)


def test_what_the_network_library_says_stands_in_brackets() -> None:
    error = CentreUnreachable("ConnectError: [Errno 111] Connection refused")
    assert failure(error, CHINESE) == (
        "没有连上中心（ConnectError: [Errno 111] Connection refused）。请检查网络和中心的地址，稍后再试"
    )
    assert failure(error, ENGLISH) == (
        "The centre cannot be reached (ConnectError: [Errno 111] Connection refused); "
        "check the network and the centre's address, and try again later"
    )


def test_a_refusal_names_status_code_and_the_number_in_the_centre_s_log() -> None:
    assert "（409 chain-broken，编号 7F3A）" in failure(RequestRefused(409, REFUSED), CHINESE)
    assert "(409 chain-broken, number 7F3A)" in failure(RequestRefused(409, REFUSED), ENGLISH)


def test_a_certificate_is_told_as_the_other_commands_tell_it() -> None:
    for trouble, (found, advice) in LINK_FAULTS.items():
        said = failure(CentreUntrusted(trouble, "verify failed"), CHINESE)
        assert said == f"{found}（verify failed）。请{advice}"


@pytest.mark.parametrize(
    ("kind", "error", "refusal", "said"),
    [
        (ContactFault.UNREACHABLE, "ReadTimeout: slow", "", "没有连上中心（ReadTimeout: slow）"),
        (ContactFault.BUSY, "the centre is busy (503)", "", "中心正忙"),
        (ContactFault.ANSWER_UNUSABLE, "a bare 502", "", "中心的回答不能用（a bare 502）"),
        (ContactFault.NETWORK_LOGIN, "HTTP 200", "", "网络要求登录（HTTP 200）"),
        (ContactFault.PROXY_REFUSED, "HTTP 407", "", "代理拒绝（HTTP 407）"),
        (ContactFault.UPLOAD_BLOCKED, "HTTP 413", "", "上传太大被拦下（HTTP 413）"),
        (ContactFault.REFUSED, "the centre refused", "kiosk-revoked", "本机已被中心停用（kiosk-revoked）"),
        (ContactFault.REFUSED, "the centre refused", "of-tomorrow", "中心拒绝了本机（the centre refused）"),
        (ContactFault.FORKED, "a copy is in use", "", "本机的日志与中心的分叉了"),
        (None, "noted by an older version", "", "与中心的联系没有成功（noted by an older version）"),
    ],
)
def test_the_last_contact_s_failure_is_told_from_the_store(
    kind: ContactFault | None, error: str, refusal: str, said: str
) -> None:
    assert contact_failure(kind, error, refusal, CHINESE) == said
    assert not CHINESE_TYPE.search(contact_failure(kind, error, refusal, ENGLISH))
