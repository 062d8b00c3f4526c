"""Trains the planted runs and keeps them: `python -m tests.benchmarks.verdict.plant`. Up to three hours on two cores; `--quick`: minutes.

Runs that are kept already, and are as the plan has them, are not trained again: when it is stopped the last minute is lost, no more.
`--afresh` forgets them first.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.verdict import kept
from tests.benchmarks.verdict.plan import SEEDS, Planted, plan
from tests.benchmarks.verdict.training import train

SAVE = 60.0
"""Seconds between two writes."""


def current(runs: Iterable[dict[str, Any]], wanted: Sequence[Planted]) -> dict[str, dict[str, Any]]:
    """By name, the kept runs that the plan still has as they were trained. A run that was kept without a digest is taken by its name."""
    digests = {run.name: run.digest for run in wanted}
    return {run["name"]: run for run in runs if run["name"] in digests and run.get("digest") in (None, digests[run["name"]])}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="the smallest network only, one seed, into a file of its own")
    parser.add_argument("--afresh", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    file = kept.FILE.with_name("quick.npz") if given.quick else kept.FILE
    wanted = list(plan({"lenet": 1} if given.quick else SEEDS))
    known = current(kept.read(file), wanted) if file.exists() and not given.afresh else {}
    missing = [run for run in wanted if run.name not in known]
    began = saved = time.monotonic()
    with tempfile.TemporaryDirectory() as cache, multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for done, run in enumerate(pool.imap_unordered(partial(train, cache=Path(cache)), missing), 1):
            known[run["name"]] = run
            if time.monotonic() - saved > SAVE:
                kept.write(list(known.values()), file)
                saved = time.monotonic()
                print(f"{done} of {len(missing)} in {saved - began:.0f} s", flush=True)
    names = [run.name for run in wanted]
    kept.write([known[name] for name in names], file)
    print(f"{len(names)} runs in {file}, {len(missing)} trained in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
