"""Record a centre and its kiosks, with something open in every state: `make record NAME=form-2`, a minute or two.

A recording is never changed. One that is not published yet is deleted first and made anew.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import structlog

from tests.support.recording import archive, dump, excuses, programs, states, telling

import msgspec  # isort: skip - Django is set up by the line before

from kiosk.domain.journal import FORM  # isort: skip
from tests.support.histories.centre import Centre, ServerTables  # isort: skip
from tests.support.histories.template import Template  # isort: skip
from tests.support.histories.world import World  # isort: skip
from tests.support.postgresql import postgresql  # isort: skip

WHOLE = (18,)
"""The kiosks whose stores are packed as they are on a disk."""


def record(target: Path, scratch: Path) -> list[str]:
    """Record into a folder; the result is what is missing there."""
    for made_at in ("template", "world", "stores", "programs"):
        (scratch / made_at).mkdir()
    with World(scratch / "world", Template(scratch / "template", "")).at_work() as world:
        wire = telling.tell(world)
        kiosks = states.together(states.of_kiosk(machine.database) for machine in world.live)
        centre = states.of_centre()
        missing = [
            *states.missing(states.wanted_of_kiosks(scratch), kiosks, excuses.KIOSKS),
            *states.missing(states.wanted_of_centre(), centre, excuses.of_centre(centre)),
        ]
        rows = dump.rows()
        archive.pack_world(world, WHOLE, target / archive.STORES, scratch / "stores")
        found = states.together([kiosks, centre])
        made = archive.Manifest(
            version=version("keydesk"),
            form=FORM,
            now=world.time.now,
            states={place: sorted(there) for place, there in sorted(found.items())},
        )
        archive.write_packed(target / archive.WIRE, msgspec.json.encode(wire))
        (target / archive.MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
        programs.pack_programs(target / archive.PROGRAM, scratch / "programs")
        with postgresql() as address:
            place = scratch / "recorded_centre"
            dump.fill(Centre(world.centre.folder, ServerTables(address, place), world.time), rows)
            archive.write_packed(target / archive.DUMP, dump.dumped(address, place.name))
    return missing


def main() -> int:
    """Record under the name that is given."""
    parser = argparse.ArgumentParser(prog="make record", description=__doc__)
    parser.add_argument("name")
    target = archive.RECORDED / parser.parse_args().name
    if target.exists():
        parser.error(f"{target} is there: a recording is never changed")
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    scratch = Path(tempfile.mkdtemp(prefix="keydesk-recording-"))
    target.mkdir()
    try:
        missing = record(target, scratch)
    except BaseException:
        shutil.rmtree(target)
        raise
    finally:
        shutil.rmtree(scratch)
    for file in sorted(target.iterdir()):
        sys.stdout.write(f"{file.stat().st_size:9d} {file.relative_to(archive.RECORDED.parent.parent)}\n")
    sys.stdout.writelines(f"missing: {each}\n" for each in missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
