"""A recording's files: what is packed into them, and a world that begins with what was packed.

manifest.json   what is in it, for people and for tests
stores.tar.xz   the centre's data directory, data directories of kiosks with their keys and markers, keys of members
                (a store is packed without its encryption, of which nothing would shrink; some are packed as they are)
centre.sql.xz   the same centre as PostgreSQL dumps it
wire.json.xz    requests and answers, of every path
program.tar.xz  the programs that made all this
"""

from __future__ import annotations

import io
import lzma
import shutil
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from hardware.virtual.gmt.card import GmtCard
from kiosk.store import location
from kiosk.store.connections import connect
from kiosk.store.keyfile import save
from tests.support.django_setup import ORGANISATION  # noqa: F401 # isort: split - Django is set up by it
from tests.support.histories.centre import Centre, FileTables, Time
from tests.support.histories.hostile import HostileKiosk
from tests.support.histories.machines import KEY
from tests.support.histories.template import Store
from tests.support.histories.world import Receipt, World

RECORDED = Path(__file__).parents[2] / "recorded"
MANIFEST, STORES, DUMP, WIRE, PROGRAM = (
    "manifest.json",
    "stores.tar.xz",
    "centre.sql.xz",
    "wire.json.xz",
    "program.tar.xz",
)
PLAIN = "keydesk.plain"
_FACTS = "facts.json"
_CENTRE_FILES = ("central.sqlite3", "standing.jsonl", "*.key", "*.der")


class RecordedMachine(msgspec.Struct, frozen=True):
    """A machine that was at work; `name` is what its marker knows it by, `heard` whether it had read the whole feed once."""

    label: str
    kiosk: int
    name: str
    heard: bool


class Facts(msgspec.Struct, frozen=True):
    """What the world knew beside the stores: the time (UTC seconds), who there is, what was paid in cash, which codes were shown."""

    now: int
    machines: tuple[RecordedMachine, ...]
    members: dict[str, tuple[str, str]]
    cash: dict[str, int]
    links: dict[str, str]
    receipts: dict[str, Receipt]
    cards: tuple[str, ...]
    tokens: dict[str, str]


class Manifest(msgspec.Struct, frozen=True):
    """What a recording has: the program's version, the form of its entries, the states that lie in it, by place."""

    version: str
    form: int
    now: int
    states: dict[str, list[str]]


def recordings() -> list[Path]:
    """The folders of all recordings."""
    return sorted(path.parent for path in RECORDED.glob(f"*/{MANIFEST}"))


# Writing


def pack_world(world: World, whole: Iterable[int], file: Path, scratch: Path) -> None:
    """Pack everything that a world has; the stores of these kiosks as they are. The machines are closed by it."""
    facts = Facts(
        now=world.time.now,
        machines=tuple(RecordedMachine(each.label, each.kiosk, each.name, each.heard) for each in world.live),
        members=world.members,
        cash=world.cash,
        links=world.links,
        receipts=world.receipts,
        cards=tuple(world.cards),
        tokens=world.tokens,
    )
    (scratch / _FACTS).write_bytes(msgspec.json.format(msgspec.json.encode(facts)))
    for machine in world.live:
        machine.close()
        kept = scratch / "stores" / machine.label
        kept.mkdir(parents=True)
        save(kept / location.KEY_FILE, KEY)
        if machine.kiosk in whole:
            shutil.copyfile(machine.directory / location.DATABASE, kept / location.DATABASE)
        else:
            _decrypt(machine.directory / location.DATABASE, kept / PLAIN)
        if machine.marker.exists():
            shutil.copytree(machine.marker, scratch / "stores" / f"{machine.label}.marker")
    (scratch / "cards").mkdir()
    for serial in world.cards:
        shutil.copyfile(world.folder / f"{serial}.card", scratch / "cards" / f"{serial}.card")
    _copy_centre(world, scratch / "centre")
    pack(scratch, file)


def _copy_centre(world: World, folder: Path) -> None:
    folder.mkdir()
    for source in (world.centre.folder, world.folder):
        for pattern in _CENTRE_FILES:
            for file in source.glob(pattern):
                shutil.copyfile(file, folder / file.name)


def pack(folder: Path, file: Path) -> None:
    """Pack a folder, the same bytes for the same content."""
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w") as tar:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o600
            with path.open("rb") as content:
                tar.addfile(entry, content)
    write_packed(file, unpacked.getvalue())


def write_packed(file: Path, data: bytes) -> None:
    """Write bytes as small as can be."""
    file.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def _decrypt(database: Path, plain: Path) -> None:
    _export(database, KEY, plain, None)


def encrypt(plain: Path, database: Path) -> None:
    """Make a store of its plain copy."""
    _export(plain, None, database, KEY)


def _export(source: Path, key: bytes | None, target: Path, new_key: bytes | None) -> None:
    """Copy a store to one with another key, or with none."""
    known, other = key or new_key, target if new_key is None else source
    assert known is not None
    encrypted = source if new_key is None else target
    with closing(connect(encrypted, known)) as connection:
        connection.execute("ATTACH DATABASE ? AS plain KEY ''", (str(other),))
        where, of = ("plain", "main") if new_key is None else ("main", "plain")
        connection.execute("SELECT sqlcipher_export(?, ?)", (where, of))
        (version,) = connection.execute(f"PRAGMA {of}.user_version").fetchone()
        connection.execute(f"PRAGMA {where}.user_version = {version}")
        connection.execute("DETACH DATABASE plain")
        if new_key is not None:
            connection.execute("PRAGMA journal_mode = WAL")


# Reading


def read(recording: Path, name: str) -> bytes:
    """The content of a packed file of a recording."""
    return lzma.decompress((recording / name).read_bytes())


def unpack(recording: Path, name: str, folder: Path) -> None:
    """Unpack a packed folder of a recording."""
    with tarfile.open(fileobj=io.BytesIO(read(recording, name))) as tar:
        tar.extractall(folder, filter="data")


def manifest(recording: Path) -> Manifest:
    """What a recording says that it has."""
    return msgspec.json.decode((recording / MANIFEST).read_bytes(), type=Manifest)


class Recorded:
    """A recording unpacked into a folder: what a world begins with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=Facts)
        self.time = Time(self.facts.now)

    @classmethod
    def unpacked(cls, recording: Path, folder: Path) -> Recorded:
        """Unpack a recording."""
        unpack(recording, STORES, folder)
        for plain in (folder / "stores").glob(f"*/{PLAIN}"):
            encrypt(plain, plain.with_name(location.DATABASE))
            plain.unlink()
        return cls(folder)

    def copy(self, folder: Path) -> Recorded:
        """The same in another folder."""
        shutil.copytree(self.folder, folder)
        return Recorded(folder)

    @property
    def centre(self) -> Centre:
        """The centre."""
        return Centre(self.folder / "centre", FileTables(self.folder / "centre"), self.time)

    def stores(self) -> Iterable[Store]:
        """The data directories of the machines that were at work."""
        stores = self.folder / "stores"
        return [Store(each.kiosk, stores / each.label, each.name, each.heard) for each in self.facts.machines]

    def hostile_copies(self, time: Time) -> list[HostileKiosk]:
        """None: they were never here."""
        del time
        return []

    def world(self, folder: Path, *, sockets: bool = False) -> World:
        """A world in that folder which goes on from here."""
        folder.mkdir()
        world = World(folder, self, sockets=sockets)
        world.members = dict(self.facts.members)
        world.cash, world.links = dict(self.facts.cash), dict(self.facts.links)
        world.receipts, world.tokens = dict(self.facts.receipts), dict(self.facts.tokens)
        for serial in self.facts.cards:
            shutil.copyfile(self.folder / "cards" / f"{serial}.card", folder / f"{serial}.card")
            world.cards[serial] = GmtCard(folder / f"{serial}.card")
        return world
