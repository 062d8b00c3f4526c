"""A monkey in the engine room: kills and hinders at random for some minutes and checks the promises after each deed.

    python -m tests.monkey --minutes 5 [--seed 0]

Ends with 1 when a promise was broken. Works in a temporary data folder and touches only processes of that folder.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.errors import Refused
from engine.jobs import launch
from engine.jobs.identity import alive
from engine.jobs.terms import SERVANT
from engine.store import attempts, keeping, runs, transitions
from engine.store.attempts import Identity
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.runs import Run, State
from tests.engine_room import EngineRoom
from tests.faults.conftest import EXACT
from tests.faults.promises import Curves, broken, curves
from tests.free_port import answers, free_port
from tests.waiting import until

# A few seconds of training, everything random on. Runs of equal seed must end with equal curves, whatever happens to them.
RUN = EXACT | {"epochs": 40, "train_share": 1.0}
SEEDS = (0, 1, 2)
WAITING = 3
# Seconds between two deeds, at most.
CALM = 2.0


class Monkey:
    """One data folder, its server, and what has been done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.room = EngineRoom(folder / "home")
        self.luck = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.adopted: list[float] = []
        self.broken: list[str] = []
        self.server: subprocess.Popen[bytes] | None = None
        self.deeds: list[Callable[[], None]] = [
            self.kill_worker, self.kill_worker, self.kill_supervisor, self.kill_server, self.kill_servant, self.freeze_worker,
            self.lock_store, self.pause, self.stop, self.damage_checkpoint,
        ]  # fmt: skip

    def references(self) -> dict[int, Curves]:
        """What each seed measures when nobody disturbs it."""
        numbers = {seed: self.room.start(**RUN, seed=seed) for seed in SEEDS}
        return {seed: curves(self.room, self.room.ended(number, 300).id) for seed, number in numbers.items()}

    def play(self, minutes: float) -> None:
        over = time.monotonic() + 60 * minutes
        while time.monotonic() < over:
            self._feed()
            deed = self.luck.choice(self.deeds)
            with suppress(Refused, ProcessLookupError):
                deed()
                self.done[deed.__name__] += 1
            launch.ensure_supervisor(self.room.store)
            self._check(deed.__name__)
            time.sleep(self.luck.uniform(0, CALM))

    def _feed(self) -> None:
        """Some runs always wait; what went wrong or was halted goes on."""
        for run in runs.listing(self.room.store, transitions.RETRIABLE):
            launch.retry(self.room.store, run.id)
        for run in runs.listing(self.room.store, [State.PAUSED]):
            launch.resume(self.room.store, run.id)
        for _ in range(WAITING - len(runs.listing(self.room.store, [State.QUEUED]))):
            self.room.start(**RUN, seed=self.luck.choice(SEEDS))

    def _check(self, deed: str) -> None:
        for one in broken(self.room):
            print(f"BROKEN after {deed}: {one}", flush=True)
            self.broken.append(f"after {deed}: {one}")

    def _running(self) -> tuple[Run, Identity] | None:
        for attempt in attempts.under_way(self.room.store):
            if attempt.identity is not None:
                return runs.get(self.room.store, attempt.claim.run), attempt.identity
        return None

    def kill_worker(self) -> None:
        found = self._running()
        if found is not None:
            os.kill(found[1].pid, signal.SIGKILL)

    def freeze_worker(self) -> None:
        found = self._running()
        if found is not None:
            os.kill(found[1].pid, signal.SIGSTOP)
            time.sleep(self.luck.uniform(0, 3))
            os.kill(found[1].pid, signal.SIGCONT)

    def kill_supervisor(self) -> None:
        old = self.room.supervisor()
        os.kill(old.pid, signal.SIGKILL)
        until(lambda: not alive(old))
        since = time.monotonic()
        launch.ensure_supervisor(self.room.store)
        until(lambda: self.room.supervisor() != old)
        self.adopted.append(time.monotonic() - since)

    def kill_servant(self) -> None:
        seen = attempts.presence(self.room.store, SERVANT)
        if seen is not None and alive(seen.identity):
            os.kill(seen.identity.pid, signal.SIGKILL)

    def kill_server(self) -> None:
        """The server is killed, or, when there is none, started."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None
            return
        port = free_port()
        self.server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)], cwd=PROJECT, start_new_session=True,
            env=os.environ | {"ATHANOR_HOME": str(self.room.home.root)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: answers(f"http://127.0.0.1:{port}"))

    def lock_store(self) -> None:
        with Store(self.room.home).write():
            time.sleep(self.luck.uniform(0, 5))

    def pause(self) -> None:
        found = self._running()
        if found is not None:
            launch.pause(self.room.store, found[0].id)

    def stop(self) -> None:
        found = self._running()
        if found is not None:
            launch.stop(self.room.store, found[0].id)

    def damage_checkpoint(self) -> None:
        """Of a run that stands still, so that nobody writes it meanwhile; its row is taken back by the attempt that finds it."""
        for run in runs.listing(self.room.store, [State.PAUSED, State.STOPPED])[:1]:
            for kept in keeping.of(self.room.store, run.id)[:1]:
                file = self.luck.choice(self.room.home.checkpoint_files(run.id, kept.name))
                content = file.read_bytes()
                file.write_bytes(content[: self.luck.randrange(len(content))])
                (launch.retry if run.state is State.STOPPED else launch.resume)(self.room.store, run.id)
                until(lambda run=run: self._taken_up(run), 120)

    def _taken_up(self, before: Run) -> bool:
        now = self.room.run(before.id)
        return now.attempt > before.attempt and now.state is not State.STARTING

    def settle(self, references: dict[int, Curves]) -> int:
        """Let everything finish; how many runs ended with exactly the curves of their seed."""
        exact = 0
        for run in reversed(runs.listing(self.room.store)):
            with suppress(Refused):
                launch.resume(self.room.store, run.id)
            with suppress(Refused):
                launch.retry(self.room.store, run.id)
            launch.ensure_supervisor(self.room.store)
            ended = self.room.ended(run.id, 300)
            same = ended.state is State.FINISHED and curves(self.room, run.id) == references[run.knobs["seed"]]
            exact += same
            if not same:
                self.broken.append(f"run {run.id}: {ended.state}, {ended.reason}, curves differ from those of its seed")
        self._check("the end")
        return exact

    def close(self) -> None:
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
        self.room.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.monkey", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        monkey = Monkey(Path(folder), given.seed)
        try:
            references = monkey.references()
            monkey.play(given.minutes)
            exact = monkey.settle(references)
        except BaseException:
            print(monkey.room.home.supervisor_log.read_text()[-4000:])
            raise
        finally:
            monkey.close()
    print(f"{given.minutes:g} minutes, {sum(monkey.done.values())} deeds: {dict(monkey.done)}")
    print(f"{exact} runs finished with exactly the curves of their seed")
    if monkey.adopted:
        print(f"a new supervisor was there after {statistics.median(monkey.adopted):.2f} s (median of {len(monkey.adopted)})")
    print("\n".join(monkey.broken) or "no promise was broken")
    return 1 if monkey.broken else 0


if __name__ == "__main__":
    sys.exit(main())
