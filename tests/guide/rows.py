"""Every fact of the operating guide (its sections 2 to 6) in a row, with the tests that drive it through the running program.

Kiosk, agent and centre are processes; the phone is Chromium or an HTTP client, and so are staff at the console.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """What a member or staff do and is to be seen, and which tests drive it."""

    section: str
    fact: str
    driven_by: tuple[str, ...]


_KIOSK = "tests/guide/test_at_the_kiosk.py::"
_TRADERS = "tests/guide/test_traders.py::"
_DEMO = "tests/terminal/test_demo.py::"
_RUN = "tests/terminal/test_run.py::"
_SERVICES = "tests/terminal/test_key_services.py::"
_RESTARTS = "tests/terminal/test_binding_restarts.py::"
_BROWSER = "tests/sync/central/test_browser.py::"
_PROCESSES = "tests/sync/test_personal_records.py::"

_NOTICE = f"{_KIOSK}test_the_notice_says_every_rule_and_the_form_asks_what_the_site_asks"
_NEW = f"{_KIOSK}test_a_new_key_is_paid_with_wechat_and_bound_for_a_year_to_the_second"
_RENEWAL = (
    f"{_KIOSK}test_a_renewal_asks_for_the_pin_that_the_member_chose_and_its_new_end_is_found_under_query"
)
_REPLACEMENT = (
    f"{_KIOSK}test_a_replacement_is_bound_and_adds_what_was_left_and_the_lost_key_says_that_it_is_void"
)
_WEB = f"{_KIOSK}test_an_order_that_was_paid_on_the_web_is_bound_like_one_paid_here"
_SERIAL = f"{_KIOSK}test_a_key_without_a_serial_number_leads_to_another_try_and_to_support"
_REVIEW = f"{_KIOSK}test_an_operator_under_review_is_told_so_and_pays_nothing"
_HELP = f"{_KIOSK}test_the_help_answers_each_question_of_members"
_CENTRE = f"{_KIOSK}test_the_user_centre_has_the_enterprise_its_operators_keys_payments_and_orders"
_FORMS = f"{_KIOSK}test_the_forms_after_paying_are_filled_in_and_found_and_money_goes_back_before_the_binding"
_TRADER = f"{_TRADERS}test_a_trader_is_proposed_refused_with_a_reason_proposed_again_and_approved"
_PAYER = f"{_BROWSER}test_a_payer_declines_pays_and_reads_the_confirmation"
_TO_THE_ORDER = f"{_BROWSER}test_a_payer_goes_from_the_paid_page_to_the_order"
_SIGNS_IN = f"{_BROWSER}test_a_member_signs_in_with_password_and_code_and_sees_the_orders"
_LINK = f"{_BROWSER}test_a_new_operator_sets_the_password_by_the_link_of_the_message"
_ASKS = f"{_BROWSER}test_a_payer_gives_an_address_asks_for_an_invoice_and_sees_what_became_of_them"
_FOLLOWED = f"{_PROCESSES}test_what_is_asked_on_the_phone_is_what_the_desk_shows"
_LOGIN = f"{_SERVICES}test_a_pin_is_changed_and_a_login_is_checked_with_the_code_on_the_members_phone"

ROWS = (
    # 2. Paying
    Row("2", "Three steps: 「① 缴费须知 ② 验证信息 ③ 缴纳费用」 stand over notice, form and payment", (_NOTICE, _NEW)),
    Row("2", "The notice: without a key nobody can log in; which of the three kinds is for whom", (_NOTICE,)),
    Row("2", "The notice has the table of fees, item by item and in sum", (_NOTICE,)),
    Row("2", "新办: legal person, enterprise, account, operator, password are asked, all with *", (_NOTICE, _NEW)),
    Row("2", "补办 and 续期: account, password and enterprise are asked, all with *", (_NOTICE,)),
    Row("2", "key盘类型 and 价格 are shown on each form", (_NOTICE,)),
    Row("2", "「上一步」 and 「下一步」 lead back and on", (_NOTICE,)),
    Row("2", "A QR code is shown and paid with WeChat on the phone; the amount stands beside it", (_NEW, _PAYER)),
    Row("2", "Paying without the network: the phone's confirmation is typed", (f"{_DEMO}test_a_renewal_without_the_network_is_paid_by_the_phones_digits_and_sent_up_later",)),
    Row("2", "Check the amount first; whom to call with a question", (_NOTICE, _NEW)),
    Row("2", "From the paid page the member reaches 「我的订单」→「华商订单」 at once", (_TO_THE_ORDER,)),
    Row("2", "「我的订单」 opens later with account, password and SMS code", (_SIGNS_IN,)),
    Row("2", "A delivery address is given there, wrong values are said beside their field", (_ASKS,)),
    Row("2", "An invoice is asked for there", (_ASKS,)),
    Row("2", "What was asked on the phone is known at the desk", (_FOLLOWED,)),
    Row("2", "After the payment the kiosk leads to the forms by a QR, staff type them at the desk", (_FORMS,)),
    Row("2", "The official account 「郑州华粮」 is named where the forms are", (_NOTICE,)),
    Row("2", "Delivery: mailed within 3 working days, or handed over from stock", (_NOTICE, _NEW, _FORMS)),
    Row("2", "Staff mail a key with carrier and number; the member reads them", (_ASKS,)),
    Row("2", "A renewal needs no new hardware, and pays none", (_NOTICE, _RENEWAL)),
    Row("2", "Invoice: electronic, 专票 or 普票, e-mailed within 5 to 7 working days", (_NOTICE, _ASKS)),
    Row("2", "Staff enter the invoice's number; the member reads it", (_ASKS,)),
    Row("2", "Invoicing pauses about the 25th and goes on about the 5th: the notice says so", (_NOTICE,)),
    Row("2", "An invoice that is asked within the pause waits and is told so", (_FORMS,)),
    Row("2", "Refunds: before the binding by the desk", (_FORMS,)),
    Row("2", "Refunds: none after the binding, as notice and help say", (_NOTICE, _HELP)),
    Row("2", "A refund that is asked after the binding is refused at the desk", (_NEW,)),
    # 3. Binding
    Row("3", "Before: driver, key at hand and in, not to be pulled out, paid: the page says so", (_NEW,)),
    Row("3", "绑定类型 comes from the paid order and is shown", (_NEW, _RENEWAL, _REPLACEMENT)),
    Row("3", "「绑定key盘」 asks for account and password", (_WEB,)),
    Row("3", "序列号, 证书 and 有效期 are empty before the first binding", (_NEW,)),
    Row("3", "Afterwards the three are shown: serial, certificate, one year to the second", (_NEW,)),
    Row("3", "Status line: 「驱动已加载，请插入KEY」 → 「key盘已插入」", (_NEW,)),
    Row("3", "The factory PIN is 111111; a new key asks for none", (_NEW,)),
    Row("3", "A renewal asks for the PIN of the member's key", (_RENEWAL,)),
    Row("3", "A renewal with a PIN that the member changed", (_RENEWAL,)),
    Row("3", "New: a blank key is bound to the account", (_NEW, f"{_DEMO}test_a_new_key_from_the_notice_to_the_receipt", f"{_RUN}test_a_key_in_a_real_reader_is_bound_for_an_order_paid_at_the_centre")),
    Row("3", "Replacement: a new key is bound, what was left is added", (_REPLACEMENT, f"{_DEMO}test_a_replacement_puts_the_lost_key_on_hold_and_adds_what_was_left_of_it")),
    Row("3", "Replacement: the lost one's certificate stops being valid", (_REPLACEMENT,)),
    Row("3", "Renewal: the same key gets a new certificate from the old end", (_RENEWAL, f"{_DEMO}test_a_renewal_without_the_network_is_paid_by_the_phones_digits_and_sent_up_later")),
    Row("3", "After a renewal the new validity is found under 查询", (_RENEWAL,)),
    Row("3", "A key that shows no serial number: another try, then support's numbers", (_SERIAL,)),
    # 4. Several keys
    Row("4", "One key is in one 「交易专场」 at a time; to trade in several an enterprise adds traders", (_HELP, _TRADER)),
    Row("4", "「添加交易员」 → 「提交审核」 → 「审核中」 at the kiosk", (_TRADER,)),
    Row("4", "Staff read the person in the console, and approve", (_TRADER,)),
    Row("4", "Staff refuse with a reason, which the kiosk shows", (_TRADER,)),
    Row("4", "The account that waits for the review pays and binds nothing, and is told so", (_REVIEW,)),
    Row("4", "Approved operators of an enterprise with one under review pay, bind and renew", (_NEW,)),
    Row("4", "The new trader gets an account, and sets the password by the link in the message", (_TRADER, _LINK)),
    Row("4", "The new trader sets the password at the kiosk with the code", (_TRADER,)),
    Row("4", "The new trader pays for and binds a key, in the same visit: 「同企业下一位」", (_TRADER,)),
    Row("4", "An order that was paid on the web is bound here as one paid here", (_WEB,)),
    # 5. Logging in with a bound key
    Row("5", "Account, password, SMS code and the key's signature: 登录验证", (_LOGIN,)),
    Row("5", "「尚未安装CA盘驱动」: install the driver, refresh", (_HELP,)),
    Row("5", "「驱动或key盘加载失败」: insert the key, start the driver, refresh", (_HELP,)),
    Row("5", "The check at the kiosk proves before leaving that the key works", (_LOGIN,)),
    # 6. User centre
    Row("6", "Under 查询: key, serial, certificate and validity", (_RENEWAL,)),
    Row("6", "Under 查询: the enterprise and its operators, document and phone masked", (_CENTRE,)),
    Row("6", "Under 查询: 会员缴费记录 and the orders are listed", (_CENTRE,)),
    Row("6", "An order under 查询 tells delivery and invoice, and is opened by Enter", (_FORMS,)),
    Row("6", "A proposed operator's documents: 中国居民身份证, number, phone, 法人授权书", (_TRADER,)),
    Row("6", "A proposed operator shows a passport", (_TRADER,)),
)  # fmt: skip

QUESTIONS = (
    _HELP,
    "tests/kiosk/text/test_help.py::test_every_fact_of_an_answer_is_told_in_both_languages",
    "tests/kiosk/text/test_help.py::test_no_question_of_members_is_left_out_and_none_is_without_facts",
)
"""Section 7: the thirteen questions, on the screen and fact by fact in both languages."""
