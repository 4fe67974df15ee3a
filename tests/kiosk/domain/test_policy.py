from __future__ import annotations

from kiosk.domain.policy import Policy, SignedPolicy, SignedTime

HOUR = 3600


def test_the_centre_signs_the_kiosk_and_the_second_under_a_label_of_their_own() -> None:
    message = SignedTime.message(0x0102, 0x6B02_5A8C)
    assert message == b"keydesk server time\x00" + bytes.fromhex("00000102 00000000 6B025A8C")


def test_a_limit_that_a_policy_leaves_out_is_the_usual_one() -> None:
    policy = SignedPolicy(b'{"number": 4, "kiosk": 3, "valid_until": 1800000000}', b"").read()
    assert policy == Policy(
        number=4,
        kiosk=3,
        valid_until=1_800_000_000,
        unsynced_certificates=200,
        unsynced_amount=200_000_00,
        server_time_age=90 * 24 * HOUR,
        clock_deviation=600,
        payment_window=900,
        certificate_years=1,
    )
