"""What differs from one exchange's desk to another's; the defaults are the guide's."""

from __future__ import annotations

import msgspec

# The verifier of a password that nobody has, with the parameters that the centre gives to all.
DUMMY_VERIFIER = (
    "$argon2id$v=19$m=65536,t=3,p=4$YXvkFx6HjtXdIlIGR+6f9w$gURvCXCSNaQH9P5gNPwCiX+U/J6jDzN5fTCfAY8zEx0"
)


class DeskSettings(msgspec.Struct, frozen=True):
    """Names, addresses and times of one desk.

    `payment_page` is the base address in QR codes; `idle` and `countdown` are seconds, as are `challenge_wait`
    and `judgement_wait`, how long a login check waits for the centre's two answers; `dummy_verifier` (Argon2id)
    is checked where an account is unknown, so that this takes as long as a wrong password.
    """

    payment_page: str
    system_name: str = "国家储备商品竞价交易系统"
    exchange_name: str = "北京华商储备商品交易所"
    payee: str = "郑州华粮科技有限公司"
    support: tuple[str, ...] = ("0371-68085231", "68085211")
    official_account: str = "郑州华粮"
    idle: int = 90
    countdown: int = 20
    challenge_wait: float = 4.0
    judgement_wait: float = 6.0
    dummy_verifier: str = DUMMY_VERIFIER
