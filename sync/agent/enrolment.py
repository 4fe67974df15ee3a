"""Becoming a kiosk. Keys are made and stored before anything is sent, so that a repetition sends the same request.

1. make the device key and the issuing CA's key, once, in the vault; ask the centre for its name
2. send the one-time token, the device's public key and the request (PKCS#10), signed by the device key
3. check and store the answer; a kiosk that had a journal before pulls it back; the first epoch begins

A machine that the centre retired is enrolled anew in the same way, with other keys: it goes on with its journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from kiosk.domain.policy import SignedPolicy
from kiosk.pki.device_keys import device_public_key, generate_device_key
from kiosk.pki.encodings import decode_private_key, encode_private_key
from kiosk.pki.errors import PkiError
from kiosk.pki.issuing import IssuingAuthority, issuing_request, key_fingerprint
from kiosk.pki.suites import SM2
from kiosk.store.vault import VaultItem
from kiosk.text.command_line import program
from kiosk.text.times import moment
from sync.agent.centre_client import CameLast, CentreClient, Credentials
from sync.agent.context import keep_receipt, record_contact
from sync.agent.errors import AwaitingRoot, EnrolmentFailed, EnrolmentFault, RequestRefused
from sync.agent.opening import AgentSettings, agent_over
from sync.agent.recovery import recover
from sync.protocol.deeds import deed_holds, read_deed
from sync.protocol.errors import BodyMalformed, ProblemCode
from sync.protocol.records import CentreDescription, EnrolAnswer, EnrolRequest, kiosk_of_enrol_token
from sync.protocol.times import policy_holds, time_holds

if TYPE_CHECKING:
    import httpx2

    from kiosk.domain.clock import Clock
    from kiosk.store.database import Database
    from kiosk.store.transaction import Transaction

_SECRET_LENGTH = 32


class Enrolled(msgspec.Struct, frozen=True):
    """Which kiosk this is now; `before` when it was enrolled already."""

    kiosk: int
    epoch: int
    before: bool = False


class _Items(NamedTuple):
    """Where the vault has the keys."""

    device: VaultItem
    issuing: VaultItem


_ITEMS = _Items(VaultItem.DEVICE_KEY, VaultItem.ISSUING_KEY)
_NEXT_ITEMS = _Items(VaultItem.NEXT_DEVICE_KEY, VaultItem.NEXT_ISSUING_KEY)


class _Keys(msgspec.Struct, frozen=True):
    device: bytes
    issuing: bytes


def enrol(
    settings: AgentSettings, database: Database, token: str, transport: httpx2.BaseTransport, clock: Clock
) -> Enrolled:
    """Make this data directory the kiosk that the one-time token names; may be repeated after any failure.

    Raises AwaitingRoot, EnrolmentFailed, ExchangeFailed, RequestRefused, AddressInvalid, StoreError.
    """
    kiosk = kiosk_of_token(token)
    with database.read() as tx:
        identity, state = tx.identity, tx.agent.get()
    retired = state.retired and not state.quarantined
    if identity is not None and identity.kiosk != kiosk:
        raise EnrolmentFailed(EnrolmentFault.ANOTHER_KIOSK_HERE, kiosk=kiosk, here=identity.kiosk)
    if identity is not None and identity.epoch and not retired:
        return Enrolled(kiosk, identity.epoch, before=True)
    epoch = None
    if identity is None or retired:
        items = _ITEMS if identity is None else _NEXT_ITEMS
        keys, centre_clock = _keys(database, items), _CentreClock(clock)
        credentials = Credentials(None, keys.device)
        came = CameLast()
        centre = CentreClient(
            settings.centre, credentials, centre_clock.now, centre_clock.learn, transport, receipts=came
        )
        answer = _exchanged_or_awaited(centre, centre_clock, keys, token.strip().upper(), kiosk, database)
        with database.write() as tx:
            _store(tx, answer, came.text, clock)
            if identity is not None:
                _go_on_as_another_machine(tx, answer, keys, clock)
                return Enrolled(kiosk, answer.epoch)
        epoch = answer.epoch
    with agent_over(settings, database, transport, clock) as agent:
        # A kiosk whose machine was lost first gets its entries back; then its epoch begins.
        recover(agent, epoch)
    with database.read() as tx:
        return Enrolled(kiosk, tx.next_tip().epoch)


def kiosk_of_token(token: str) -> int:
    """The kiosk that a token names. Raises EnrolmentFailed."""
    try:
        return kiosk_of_enrol_token(token)
    except BodyMalformed as error:
        raise EnrolmentFailed(EnrolmentFault.NO_TOKEN) from error


def awaited_token(database: Database) -> str | None:
    """The token of an enrolment that waits for the centre's root. Raises StoreError."""
    with database.read() as tx:
        token = tx.vault.get(VaultItem.ENROL_TOKEN)
    return None if token is None else token.decode("ascii")


def _exchanged_or_awaited(
    centre: CentreClient,
    centre_clock: _CentreClock,
    keys: _Keys,
    token: str,
    kiosk: int,
    database: Database,
) -> EnrolAnswer:
    """Exchange the token, which is kept where the centre's root has to sign first. Raises AwaitingRoot and as the centre."""
    try:
        return _exchange_token(centre, centre_clock, keys, token, kiosk)
    except RequestRefused as refused:
        with database.write() as tx:
            if refused.code is ProblemCode.AWAITING_ROOT:
                tx.vault.put(VaultItem.ENROL_TOKEN, token.encode("ascii"))
                tx.agent.put(replace(tx.agent.get(), awaiting_root=True))
            else:
                _wait_no_longer(tx)
        if refused.code is ProblemCode.AWAITING_ROOT:
            public_key = decode_private_key(keys.issuing).public_key
            raise AwaitingRoot(kiosk, key_fingerprint(public_key)) from refused
        raise
    except EnrolmentFailed:
        with database.write() as tx:
            _wait_no_longer(tx)
        raise


def _wait_no_longer(tx: Transaction) -> None:
    tx.vault.drop(VaultItem.ENROL_TOKEN)
    tx.agent.put(replace(tx.agent.get(), awaiting_root=False))


def _exchange_token(
    centre: CentreClient, centre_clock: _CentreClock, keys: _Keys, token: str, kiosk: int
) -> EnrolAnswer:
    """Exchange the token for the kiosk's identity."""
    description = centre.describe()
    centre_clock.set(description.time)
    request = EnrolRequest(
        token=token,
        device_key=device_public_key(keys.device),
        issuing_request=issuing_request(description.organisation, kiosk, decode_private_key(keys.issuing)),
        program=program(),
    )
    try:
        answer = centre.enrol(request)
    except RequestRefused as refused:
        if refused.code is not ProblemCode.TOKEN_REFUSED:
            raise
        if (newer := refused.problem.newer_token) is None:
            raise EnrolmentFailed(EnrolmentFault.TOKEN_REFUSED, kiosk=kiosk) from refused
        raise EnrolmentFailed(EnrolmentFault.TOKEN_REPLACED, kiosk=kiosk, detail=moment(newer)) from refused
    _check(answer, description, kiosk, keys)
    return answer


def _keys(database: Database, items: _Items) -> _Keys:
    """The keys of this machine, made once and on the disk before they are used."""
    with database.write() as tx:
        device = tx.vault.get(items.device)
        issuing = tx.vault.get(items.issuing)
        if device is None:
            device = generate_device_key()
            tx.vault.put(items.device, device)
        if issuing is None:
            issuing = encode_private_key(SM2.generate())
            tx.vault.put(items.issuing, issuing)
    return _Keys(device, issuing)


def _check(answer: EnrolAnswer, description: CentreDescription, kiosk: int, keys: _Keys) -> None:
    """Check the whole answer before anything of it is stored. Raises EnrolmentFailed."""
    if answer.kiosk != kiosk or answer.centre_key != description.centre_key:
        raise EnrolmentFailed(EnrolmentFault.ANSWER_FOR_ANOTHER, kiosk=kiosk)
    if len(answer.payment_secret) != _SECRET_LENGTH:
        raise EnrolmentFailed(EnrolmentFault.NO_PAYMENT_SECRET, kiosk=kiosk)
    if not _is_own_deed(answer, keys):
        raise EnrolmentFailed(EnrolmentFault.NOT_SIGNED, kiosk=kiosk)
    if not (
        time_holds(answer.signed_time, kiosk, answer.centre_key)
        and policy_holds(answer.policy, answer.centre_key)
        and _is_policy_of(answer.policy, kiosk)
    ):
        raise EnrolmentFailed(EnrolmentFault.NOT_SIGNED, kiosk=kiosk)
    try:
        IssuingAuthority.load(
            keys.issuing, answer.issuing_certificate, answer.root_certificate, answer.signed_time.time
        )
    except PkiError as error:
        raise EnrolmentFailed(EnrolmentFault.CERTIFICATE_INVALID, kiosk=kiosk, detail=str(error)) from error


def _is_own_deed(answer: EnrolAnswer, keys: _Keys) -> bool:
    """Whether the centre signed a deed for this machine that says what its answer says."""
    try:
        deed = read_deed(answer.deed)
    except BodyMalformed:
        return False
    told = (answer.kiosk, answer.machine, device_public_key(keys.device), answer.issuing_certificate)
    says = (deed.kiosk, deed.machine, deed.device_key, deed.issuing_certificate)
    return told == says and deed_holds(answer.deed, answer.centre_key)


def _is_policy_of(policy: SignedPolicy, kiosk: int) -> bool:
    try:
        return policy.read().kiosk == kiosk
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _store(tx: Transaction, answer: EnrolAnswer, receipt: str, clock: Clock) -> None:
    if tx.identity is None:
        tx.adopt(answer.kiosk, answer.machine)
    tx.vault.put(VaultItem.ISSUING_CERTIFICATE, answer.issuing_certificate)
    tx.vault.put(VaultItem.ROOT_CERTIFICATE, answer.root_certificate)
    tx.vault.put(VaultItem.PAYMENT_SECRET, answer.payment_secret)
    tx.vault.put(VaultItem.CENTRE_KEY, answer.centre_key)
    tx.vault.put(VaultItem.DEED, msgspec.json.encode(answer.deed))
    tx.feed.put_policy(answer.policy)
    _wait_no_longer(tx)
    record_contact(tx, clock, answer.signed_time)
    keep_receipt(tx, receipt)


def _go_on_as_another_machine(tx: Transaction, answer: EnrolAnswer, keys: _Keys, clock: Clock) -> None:
    tx.vault.put(_ITEMS.device, keys.device)
    tx.vault.put(_ITEMS.issuing, keys.issuing)
    for item in _NEXT_ITEMS:
        tx.vault.drop(item)
    tx.become(answer.machine)
    tx.begin_epoch(answer.epoch, clock, given_by_centre=True)
    tx.agent.put(replace(tx.agent.get(), retired=False))


class _CentreClock:
    """The centre's clock by its last answer: before enrolment no signed time can be checked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    def now(self) -> int:
        return self._clock.wall() + self._ahead

    def set(self, time: int) -> None:
        self._ahead = time - self._clock.wall()

    def learn(self, signed: object) -> bool:
        del signed
        return False
