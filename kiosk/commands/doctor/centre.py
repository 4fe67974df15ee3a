"""The centre's address, and what was heard of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from kiosk.commands.doctor.checks import Check, Level
from kiosk.commands.status import CLOCKS, KioskStatus
from kiosk.configuration import Centre, ProxyInvalid, read_proxy
from kiosk.desk.views.status import Network
from kiosk.store.agent_state import ContactFault
from kiosk.text.catalogue import N_
from kiosk.text.contact_faults import PROXY_UNUSABLE, contact_words, page_flaw, with_retry
from kiosk.text.failures import Text
from kiosk.text.link_faults import AUTHORITY_UNUSABLE
from kiosk.text.times import moment


def check_centre_address(centre: Centre, text: Text) -> Check:
    """Whether the payment page can be told in a QR code."""
    name, flaw = text("中心地址"), page_flaw(centre.page, text)
    return Check(name, Level.WORKS, centre.page) if flaw is None else Check(name, Level.FAILED, *flaw)


def check_authority(file: Path | None, text: Text) -> Iterator[Check]:
    """Whether the authority of the centre's certificate can be read, where one is named."""
    if file is None:
        return
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        found, advice = AUTHORITY_UNUSABLE
        unusable = text(found, file=file, reason=error)
        yield Check(text("中心证书机构"), Level.MISSING, unusable, text(advice))
    else:
        yield Check(text("中心证书机构"), Level.WORKS, str(file))


def check_proxy(configured: str, text: Text) -> Iterator[Check]:
    """The proxy to the centre, where one is named, without its password."""
    name = text("代理")
    try:
        proxy = read_proxy(configured)
    except ProxyInvalid:
        found, advice = PROXY_UNUSABLE
        yield Check(name, Level.MISSING, text(found), text(advice))
        return
    if proxy is not None:
        yield Check(name, Level.WORKS, proxy.address)


def check_network(status: KioskStatus, text: Text) -> Iterator[Check]:
    """What was heard of the centre, and whether the agent runs."""
    name = text("中心")
    contact = text("从未联系") if status.last_contact is None else moment(status.last_contact)
    words = contact_words(status.trouble, status.failure, status.refusal)
    match status.network:
        case Network.ONLINE:
            yield Check(name, Level.WORKS, text("在线，待传 {backlog}", backlog=status.backlog))
        case Network.OFFLINE | Network.REFUSED:
            form = N_("离线，上次联系 {contact}，待传 {backlog}")
            if status.network is Network.REFUSED:
                form = N_("上次联系 {contact}，待传 {backlog}")
            found = text(form, contact=contact, backlog=status.backlog)
            advice = text("检查网络和 keydesk-sync run；离线照常办理")
            silent = status.trouble is None and status.failure is ContactFault.UNREACHABLE
            if words is not None and not silent:
                why, what = words
                found, advice = f"{with_retry(text(why), status.retry_at, text)} ({found})", text(what)
            yield Check(name, Level.MISSING, found, advice)
        case Network.AWAITING_ROOT:
            found = text("等待根证书签发，申请指纹 {fingerprint}", fingerprint=status.fingerprint)
            advice = text("请中心签发；运行着 keydesk-sync run，签好就自动接着登记")
            yield Check(name, Level.FAILED, found, advice)
        case _:
            yield Check(name, Level.FAILED, text("未登记"), text("运行 keydesk-sync enrol --token 令牌"))
    if status.clock is None:
        yield Check(text("时钟"), Level.WORKS, text("正常"))
    else:
        yield Check(text("时钟"), Level.FAILED, text(CLOCKS[status.clock]), text("校准系统时间，或联网对时"))
