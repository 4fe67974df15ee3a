"""Run histories by hand: `python -m tests.support.histories --seed 17`, or `--from 0 --count 1000`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter

import structlog

from tests.support.histories import restores
from tests.support.histories.running import planned, report, run, steps_taken, told


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.histories", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed, with its whole history")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--shrink", action="store_true", help="cut a failing history down")
    parser.add_argument("--steps", action="store_true", help="count the steps that found something to do")
    parser.add_argument(
        "--database", default="", help="postgresql://… of a server on which databases are made"
    )
    parser.add_argument("--restores", action="store_true", help="histories in which the centre is put back")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seeds = (
        [options.seed] if options.seed is not None else range(options.first, options.first + options.count)
    )
    failed, began, happened = [], time.process_time(), Counter[str]()
    for seed in seeds:
        if options.restores:
            done = restores.run(restores.planned(seed), seed, options.database)
        else:
            done = run(planned(seed), seed, options.database)
        happened.update(steps_taken(done))
        failed += [seed] if done.wrong else []
        if done.wrong and options.shrink and not options.restores:
            sys.stdout.write(f"{report(seed)}\n")
        elif done.wrong or options.seed is not None:
            sys.stdout.write(f"{told(seed, done)}\n")
        sys.stdout.flush()
    if options.steps:
        sys.stdout.writelines(f"{count:6d} {name}\n" for name, count in happened.most_common())
    each = (time.process_time() - began) / len(seeds)
    sys.stdout.write(f"{len(seeds)} seeds, {each:.2f} s each, {len(failed)} failed: {failed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
