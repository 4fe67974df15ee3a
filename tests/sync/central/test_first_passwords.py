"""The first password: by the one-time link on a phone, or with the code at a kiosk; known to nobody but the member."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.http import HttpRequest
from django.test import Client

from kiosk.domain.feed import OperatorPublished
from kiosk.domain.login_check import CodeJudged, CodeJudgement, FirstPasswordChosen
from kiosk.domain.password_rules import PasswordFault, password_fault
from kiosk.pki.passwords import is_verifier, make_verifier, password_matches
from sync.central.examples import Examples
from sync.central.journal.incarnations import begin_after_restore
from sync.central.login import first_passwords, sessions
from sync.central.login.first_passwords import HOURS, LINK_TRIES, Invitation
from sync.central.login.models import MemberSession, PasswordInvitation, SandboxMessage
from sync.central.login.sessions import SignIn
from sync.central.members.models import Operator
from sync.central.payments import passwords
from sync.protocol import records
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db

GOOD = "Aa#9-_xyz"
RIGHT, WRONG, OVER = CodeJudgement.RIGHT, CodeJudgement.WRONG, CodeJudgement.OVER


def now() -> int:
    return int(time.time())


@pytest.fixture
def newcomer(examples: Examples) -> str:
    """An approved operator without a password, with a phone."""
    Operator.objects.filter(account=ACCOUNT).update(verifier="", phone="13912341234")
    return ACCOUNT


@pytest.fixture
def invited(newcomer: str) -> Invitation:
    return present(first_passwords.invite(newcomer, now()))


@pytest.fixture(scope="module")
def verifier() -> str:
    return make_verifier(GOOD)


def opened(invitation: Invitation) -> Client:
    """A phone that followed the link."""
    phone = Client(enforce_csrf_checks=True)
    assert phone.get(f"/password/{invitation.token}").status_code == 302
    return phone


def form(phone: Client) -> str:
    """What the form has against those of other sites."""
    shown = phone.get("/password/").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)
    return "" if found is None else found[1]


def typed(phone: Client, password: str = GOOD, again: str | None = None, *, csrf: str | None = None) -> str:
    fields = {"password": password, "again": password if again is None else again}
    fields["csrfmiddlewaretoken"] = form(phone) if csrf is None else csrf
    return phone.post("/password/", fields).content.decode()


def chosen(kiosk: KioskDouble, code: str, verifier: str, account: str = ACCOUNT) -> CodeJudged:
    question = FirstPasswordChosen(account, code, verifier)
    response = kiosk.request("POST", records.PATH_LOGIN, records.encode(question))
    assert response.status == 200, response.body
    answer = records.decode_answer(response.body)
    assert isinstance(answer, CodeJudged)
    return answer


def log(caplog: pytest.LogCaptureFixture) -> str:
    """What the centre writes of what was logged."""
    (handler,) = (each for each in logging.root.handlers if each.name == "stderr")
    return "\n".join(map(handler.format, caplog.records))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_the_link_leads_to_a_page_without_it_and_looking_uses_nothing_up(invited: Invitation) -> None:
    phone = Client()
    answer = phone.get(f"/password/{invited.token}")
    assert answer.headers["Location"] == "/password/"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    cookie = answer.cookies["keydesk-password"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/password/")
    for _ in range(3):
        page = phone.get("/password/")
        assert f"账号 {ACCOUNT}" in page.content.decode()
        assert invited.token not in page.content.decode()
        assert "no-store" in page.headers["Cache-Control"]
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert first_passwords.account_of(invited.token, now()) == ACCOUNT


def test_the_password_is_set_once_and_reaches_the_kiosks_as_a_verifier(
    kiosk: KioskDouble, invited: Invitation
) -> None:
    kiosk.feed()
    phone, other = opened(invited), opened(invited)
    csrf = form(other)
    assert "data-done" in typed(phone)
    operator = Operator.objects.get(account=ACCOUNT)
    assert password_matches(operator.verifier, GOOD)
    assert is_verifier(operator.verifier)
    (told,) = (each.operator for each in kiosk.news() if isinstance(each, OperatorPublished))
    assert told.verifier == operator.verifier
    assert "data-over" in typed(other, "Other-123", csrf=csrf)
    for again in (phone, opened(invited)):
        assert "data-over" in again.get("/password/").content.decode()
    assert password_matches(Operator.objects.get(account=ACCOUNT).verifier, GOOD)
    row = PasswordInvitation.objects.get()
    assert (row.link_hash, row.code_hash) == ("", "")


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        (GOOD, "Aa#9-_xyy", "differ"),
        ("Aa#9-_x", None, "short"),
        ("a1" * 33, None, "long"),
        ("abcd 1234", None, "character"),
        ("密码密码密码密码1a", None, "character"),
        ("abcdefgh", None, "plain"),
        ("12345678", None, "plain"),
        (f"a{ACCOUNT}", None, "account"),
    ],
)
def test_what_is_no_password_is_said_and_changes_nothing(
    invited: Invitation, password: str, again: str | None, said: str
) -> None:
    assert f'data-said="{said}"' in typed(opened(invited), password, again)
    assert not Operator.objects.get(account=ACCOUNT).verifier
    assert first_passwords.account_of(invited.token, now()) == ACCOUNT


def test_the_rule_takes_what_the_boards_can_type() -> None:
    assert password_fault("Aa#9-_xy", "11000001") is None
    assert password_fault("Aa#9-_x", "11000001") is PasswordFault.SHORT


def test_a_form_of_another_site_sets_nothing(invited: Invitation) -> None:
    phone = opened(invited)
    phone.get("/password/")
    assert phone.post("/password/", {"password": GOOD, "again": GOOD}).status_code == 403
    assert not Operator.objects.get(account=ACCOUNT).verifier


def test_a_link_ends_with_its_time_with_the_next_and_with_a_restored_centre(
    invited: Invitation, clock: Callable[[int], None]
) -> None:
    assert first_passwords.account_of(invited.token, now() + HOURS * 3600 - 5) == ACCOUNT
    clock(HOURS * 3600 + 5)
    assert "data-over" in opened(invited).get("/password/").content.decode()
    clock(0)
    later = present(first_passwords.invite(ACCOUNT, now()))
    assert "data-over" in opened(invited).get("/password/").content.decode()
    assert "data-sets" in opened(later).get("/password/").content.decode()
    begin_after_restore(now())
    assert "data-over" in opened(later).get("/password/").content.decode()


def test_tokens_are_not_tried_and_only_hashes_are_kept(invited: Invitation) -> None:
    assert len(invited.token) == 22  # 128 bits
    row = PasswordInvitation.objects.get()
    assert invited.token not in (row.link_hash, row.code_hash)
    assert invited.code not in (row.link_hash, row.code_hash)
    assert invited.token not in repr(invited)
    assert "data-over" in opened(Invitation(ACCOUNT, "A" * 22, "")).get("/password/").content.decode()
    phone = Client()
    answers = [phone.get("/password/" + "B" * 22).status_code for _ in range(80)]
    assert answers[-1] == 429
    for rate in passwords.RATES:
        rate.clear()
    answers = [phone.post("/password/").status_code for _ in range(30)]
    assert answers[-1] == 429


def test_a_code_is_not_tried_through_by_whoever_has_the_database_alone(
    kiosk: KioskDouble, invited: Invitation, verifier: str, settings: LazySettings
) -> None:
    key = settings.SECRET_KEY
    settings.SECRET_KEY = "another key, which stands in no database"
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(WRONG, LINK_TRIES - 1)
    settings.SECRET_KEY = key
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(RIGHT)


def test_the_code_sets_it_at_a_kiosk_once(kiosk: KioskDouble, invited: Invitation, verifier: str) -> None:
    assert chosen(kiosk, wrong(invited.code), verifier) == CodeJudged(WRONG, LINK_TRIES - 1)
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(RIGHT)
    assert Operator.objects.get(account=ACCOUNT).verifier == verifier
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(RIGHT)  # the answer was lost
    assert chosen(kiosk, invited.code, make_verifier("Other-123")) == CodeJudged(OVER)
    assert Operator.objects.get(account=ACCOUNT).verifier == verifier
    assert "data-over" in opened(invited).get("/password/").content.decode()


def test_a_code_has_few_tries_which_outlive_the_right_one(
    kiosk: KioskDouble, invited: Invitation, verifier: str
) -> None:
    for left in range(LINK_TRIES - 1, 0, -1):
        assert chosen(kiosk, wrong(invited.code), verifier) == CodeJudged(WRONG, left)
    assert chosen(kiosk, wrong(invited.code), verifier) == CodeJudged(OVER)
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(OVER)
    assert not Operator.objects.get(account=ACCOUNT).verifier
    assert first_passwords.account_of(invited.token, now()) == ACCOUNT  # the link is not guessed, and stays


def test_a_kiosk_learns_nothing_of_accounts_and_plants_no_verifier(
    kiosk: KioskDouble, invited: Invitation, verifier: str
) -> None:
    for account in ("99999999", "11000006", "x" * 500, ""):
        assert chosen(kiosk, "123456", verifier, account) == CodeJudged(OVER)
    costly = verifier.replace("m=65536", "m=4194304")
    for each in ("", "x", costly, verifier.replace("argon2id", "argon2i"), verifier + "A" * 200):
        assert chosen(kiosk, invited.code, each) == CodeJudged(OVER)
    assert PasswordInvitation.objects.get().tries_left == LINK_TRIES
    assert not Operator.objects.get(account=ACCOUNT).verifier


def test_who_is_not_approved_any_more_sets_none(
    kiosk: KioskDouble, invited: Invitation, verifier: str
) -> None:
    Operator.objects.filter(account=ACCOUNT).update(review="refused")
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(OVER)
    assert not first_passwords.set_by_link(invited.token, verifier, now())
    assert not Operator.objects.get(account=ACCOUNT).verifier


@pytest.mark.parametrize("password", ["", " ", "x", GOOD])
def test_an_account_without_password_passes_no_check_of_the_phone(newcomer: str, password: str) -> None:
    assert not password_matches("", password)
    assert sessions.begin(newcomer, password, now()).said is SignIn.WRONG
    assert not MemberSession.objects.exists()


def test_a_new_password_signs_out_who_is_in_with_the_former(invited: Invitation, verifier: str) -> None:
    MemberSession.objects.create(
        key="k" * 64,
        account=ACCOUNT,
        code_hash="",
        tries_left=0,
        proved=True,
        began_at=now(),
        expires=now() + 900,
    )
    assert first_passwords.set_by_link(invited.token, verifier, now())
    assert MemberSession.objects.get().expires < now()


def test_the_message_is_a_template_with_parameters(invited: Invitation) -> None:
    assert first_passwords.send(invited, "https://desk.example.cn/", now(), approved=True)
    text = SandboxMessage.objects.get().text
    assert text.startswith("【国家储备商品竞价交易系统】交易员审核已通过")
    assert f"https://desk.example.cn/password/{invited.token} " in text
    assert invited.code in text
    assert f"{HOURS} 小时内" in text


@pytest.mark.parametrize("odd", ["\u6c49" * 22, "\U0001f600", "%01", "A" * 21, "A" * 23, "A" * 21 + "="])
def test_what_has_not_the_form_of_a_token_is_not_put_into_a_cookie(invited: Invitation, odd: str) -> None:
    phone = opened(invited)
    answer = phone.get(f"/password/{odd}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/password/")
    assert not answer.cookies


def test_a_verifier_that_is_none_uses_no_code_up(
    kiosk: KioskDouble, invited: Invitation, verifier: str
) -> None:
    salt = verifier.split("$")[4]
    for odd in ("\u6c49", "\0"):
        assert chosen(kiosk, invited.code, verifier.replace(salt, odd * len(salt))) == CodeJudged(OVER)
    assert not Operator.objects.get(account=ACCOUNT).verifier
    assert chosen(kiosk, invited.code, verifier) == CodeJudged(RIGHT)


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_a_link_that_is_refused_is_in_the_log_without_its_token(
    invited: Invitation, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    for end in ("", "/"):
        assert Client().generic(method, f"/password/{invited.token}{end}").status_code in {404, 405}
    logged = log(caplog)
    assert logged.count("/password/") == 2
    assert invited.token not in logged


def test_a_link_that_fails_is_in_the_log_without_its_token(
    invited: Invitation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: HttpRequest) -> str:
        raise OSError(request.path)

    monkeypatch.setattr(passwords, "address_of", fail)
    assert Client(raise_request_exception=False).get(f"/password/{invited.token}").status_code == 500
    logged = log(caplog)
    assert "Traceback" in logged
    assert invited.token not in logged
