"""The data directory: the database and its backups, and how its key is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hardware.tpm import DEVICE as TPM_DEVICE
from kiosk.backup.destination import check_settings
from kiosk.backup.errors import BackupError
from kiosk.backup.standing import BackupState, state
from kiosk.commands.doctor.centre import check_network
from kiosk.commands.doctor.checks import Check, Level
from kiosk.commands.doctor.grants import grants
from kiosk.commands.status import KioskStatus, read_status
from kiosk.configuration import Key, KeyChoice
from kiosk.desk.status import is_clock_long_behind
from kiosk.desk.views.status import Network
from kiosk.store import keyfile
from kiosk.store.agent_lock import agent_runs
from kiosk.store.errors import StoreError
from kiosk.store.location import KEY_FILE, open_database
from kiosk.store.personal import broken_records
from kiosk.store.sealing.ways import Way
from kiosk.store.system_clock import SystemClock
from kiosk.text.asking import ask_on_terminal
from kiosk.text.backups import backup_failure, state_words
from kiosk.text.contact_faults import AGENT_STOPPED
from kiosk.text.failures import Text, store_failure
from kiosk.text.nights import finding_words
from kiosk.text.sealing import KEY_WORDS
from kiosk.text.waiting import say_waiting

if TYPE_CHECKING:
    from kiosk.backup.records import BackupSettings
    from kiosk.backup.standing import BackupRecord


def check_store(directory: Path, backups: BackupSettings, text: Text) -> Iterator[Check]:
    """The database, what it allows, its backups and what it waits to send."""
    clock = SystemClock()
    try:
        runs = agent_runs(directory)
        with open_database(directory, waiting=say_waiting, asking=ask_on_terminal).read() as tx:
            status = read_status(tx, clock, backups, agent_runs=runs)
            backup, broken = tx.backups.get(), broken_records(tx.personal)
            enrolled = status.network not in (Network.NOT_ENROLLED, Network.AWAITING_ROOT)
            # By another time nothing is due, or all is.
            judged = enrolled and not is_clock_long_behind(tx, clock)
            granted = tuple(grants(tx, clock.wall(), text)) if judged else ()
    except (StoreError, OSError) as error:
        yield Check(text("数据库"), Level.FAILED, *store_failure(error, text))
        return
    yield Check(
        text("数据库"),
        Level.WORKS,
        text("日志 {sequence} 条；每一条是否完好，由 keydesk journal verify 核对", sequence=status.sequence),
    )
    if enrolled:
        yield _agent(status, text)
    yield from check_network(status, text)
    yield from granted
    for each in broken:
        yield Check(text("个人资料"), Level.MISSING, *finding_words(each, text))
    yield _backup(backups, backup, clock.wall(), text)


def _backup(settings: BackupSettings, record: BackupRecord | None, now: int, text: Text) -> Check:
    """Whether there is an encrypted backup, and whether it is recent."""
    name = text("备份")
    try:
        check_settings(settings)
    except BackupError as error:
        return Check(name, Level.MISSING, *backup_failure(error, text))
    found = state(settings, record, now)
    level = Level.WORKS if found is BackupState.FRESH else Level.MISSING
    return Check(name, level, *state_words(found, None if record is None else record.newest, text))


def _agent(status: KioskStatus, text: Text) -> Check:
    if status.agent_runs:
        return Check(text("同步程序"), Level.WORKS, text("在运行"))
    found, advice = AGENT_STOPPED
    return Check(text("同步程序"), Level.MISSING, text(found), text(advice))


def check_key(directory: Path, settings: Key, text: Text) -> Iterator[Check]:
    """How the database's key is kept, and whether that is as configured."""
    try:
        way = keyfile.way(directory / KEY_FILE)
    except (StoreError, OSError):
        return  # the database's check says it
    name, found = text("密钥"), text(KEY_WORDS[way])
    wanted = settings.seal
    if way is Way.PLAIN and wanted is KeyChoice.AUTO:
        verb = "tpm" if TPM_DEVICE.exists() else "passphrase"
        yield Check(name, Level.MISSING, found, text("运行 keydesk seal {verb}", verb=verb))
    elif wanted not in (KeyChoice.AUTO, way):
        yield Check(
            name, Level.MISSING, found, text("配置要的不是这样：运行 keydesk seal {verb}", verb=wanted)
        )
    else:
        yield Check(name, Level.WORKS, found)
