"""What tests of several floors share: a PC/SC service with virtual readers, and a vendor's library of our own."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer  # type: ignore[import-untyped]

pytest.register_assert_rewrite("tests.support")

from tests.support import pcsc, skf  # noqa: E402 - rewritten before they are imported
from tests.support.disks import disk_of  # noqa: E402
from tests.support.lanes import InLanes, compiled_by_one  # noqa: E402
from tests.support.pcsc import PcscService  # noqa: E402
from tests.support.run_folder import run_folder  # noqa: E402
from tests.support.tiers import Tier, may_hold, tier_of  # noqa: E402

_TESTS = Path(__file__).parent
_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder there that only its user may read
_ENOUGH_BYTES = 4 * 1024**3

# How long an example takes says how busy the machine is, and nothing of the program.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


def _keep_files_in_memory() -> None:
    """Let pytest's folders be in memory: what is tested syncs its files tens of thousands of times."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES:
        return
    if not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:  # the soft token is a library there
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


_keep_files_in_memory()
pcsc.keep_programs_away()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the tiers."""
    choices = [tier.value for tier in Tier]
    parser.addoption("--tier", choices=choices, help="only this tier (default: all but soak)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import folders that hold nothing of the tier."""
    chosen = config.getoption("--tier")
    if chosen is None or not collection_path.is_dir() or not collection_path.is_relative_to(_TESTS):
        return None
    folder = collection_path.relative_to(_TESTS).as_posix()
    return None if may_hold(folder, Tier(chosen)) else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other tiers, and keep in one process what shares a service: before xdist reads the groups."""
    chosen = config.getoption("--tier")
    wanted = {Tier.QUICK, Tier.WHOLE} if chosen is None else {Tier(chosen)}
    kept, left = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        if "pcsc_service" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("pcsc"))  # there is one service a machine
        file = item.path.relative_to(_TESTS).as_posix()
        tier = tier_of(file, soak=item.get_closest_marker("soak") is not None)
        (kept if tier in wanted else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
    # What takes long begins early, so that no worker is left alone with it at the end.
    items[:] = sorted(kept, key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Compile the tests once, not in every worker at the same moment."""
    if os.environ.get("PYTEST_XDIST_WORKER") is None:
        return (yield)
    shared = Path(session.config.option.basetemp).parent
    with compiled_by_one(shared, _TESTS / "sync" / "__pycache__"):
        return (yield)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InLanes | None:
    """Have the groups of `--dist loadgroup` take turns."""
    return InLanes(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Spare the garbage collector all that is there before the first test and stays to the last."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say how the PC/SC service stood when a test with it failed."""
    report = yield
    service = getattr(item, "funcargs", {}).get("pcsc_service")
    if report.failed and isinstance(service, PcscService):
        report.sections.append(("pcscd", service.told()))
    return report


@pytest.fixture(scope="module")
def pcsc_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PcscService]:
    """Run a PC/SC service for a module's tests; other test processes wait meanwhile."""
    with (
        pcsc.pcsc_service(tmp_path_factory.mktemp("pcscd")) as service,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.delenv(pcsc.PLACE)
        yield service


@pytest.fixture
def pcscd(pcsc_service: PcscService) -> tuple[str, int]:
    """Give host and port of vpcd's first slot, behind a running pcscd; the second is the next port."""
    pcsc_service.settled()
    return pcsc_service.place


@pytest.fixture
def restart_pcscd(pcsc_service: PcscService) -> Callable[[], None]:
    """Give a function that stops pcscd and starts it again."""
    if pcsc_service.process is None:
        pcsc.do_without("the pcscd that runs is not the tests' own and is left alone")
    return pcsc_service.restart


@pytest.fixture(scope="session")
def soft_token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the soft token (tests/soft_token), once a run, and give the library's path."""
    return skf.soft_token(run_folder(tmp_path_factory))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    with disk_of(1, tmp_path / "disk") as folder:
        yield folder
