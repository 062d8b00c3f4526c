"""Trains the planted runs and keeps them: `python -m tests.benchmarks.verdict.plant`. An hour on two cores; `--quick` takes minutes.

Runs that are kept already are not trained again, so it may be stopped at any time; `--afresh` forgets them first.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.benchmarks.verdict import kept
from tests.benchmarks.verdict.plan import SEEDS, plan
from tests.benchmarks.verdict.training import train

SAVE = 60.0
"""Seconds between two writes."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="the smallest network only, one seed, into a file of its own")
    parser.add_argument("--afresh", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    file = kept.FILE.with_name("quick.npz") if given.quick else kept.FILE
    known = {run["name"]: run for run in kept.read(file)} if file.exists() and not given.afresh else {}
    wanted = list(plan({"lenet": 1} if given.quick else SEEDS))
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
