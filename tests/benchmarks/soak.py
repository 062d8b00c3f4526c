"""Whether anything grows in a long run: `python -m tests.benchmarks.soak`.

A run of 1,000 short epochs through a real supervisor and worker, watched by one browser: memory, threads and open files of worker,
supervisor and web server as the epochs pass, and how much they grew after the first fifth.
"""

import argparse
import tempfile
from pathlib import Path

import psutil

from tests.benchmarks.screen import server
from tests.conftest import CHROMIUM_ARGS, find_chromium
from tests.engine_room import EngineRoom
from tests.free_port import answers
from tests.waiting import until

MB = 2**20


def state(process: psutil.Process) -> tuple[float, int, int]:
    """Resident memory in MB, threads, open files."""
    with process.oneshot():
        return process.memory_info().rss / MB, process.num_threads(), process.num_fds()


def reached(room: EngineRoom, run: int, epoch: int) -> bool:
    """Whether the run has done so many epochs, or has ended."""
    found = room.run(run)
    return found.state.ended or found.summary.get("epoch", 0) >= epoch


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1000)
    given = parser.parse_args()
    marks = [given.epochs * part // 10 for part in range(1, 10)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        room = EngineRoom(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        try:
            with server(room) as url:
                until(lambda: answers(url))
                run = room.start(epochs=given.epochs)
                browser.new_page().goto(f"{url}/?run={run}")
                room.training(run)
                web = next(one for one in psutil.Process().children() if "streamlit" in one.cmdline())
                watched = {
                    "worker": psutil.Process(room.worker(run).pid),
                    "supervisor": psutil.Process(room.supervisor().pid),
                    "web server": web,
                }
                seen: dict[str, list[tuple[float, int, int]]] = {name: [] for name in watched}
                for mark in marks:
                    until(lambda mark=mark: reached(room, run, mark), 3600.0)  # type: ignore[misc]
                    for name, process in watched.items():
                        seen[name].append(state(process))
                        size, threads, files = seen[name][-1]
                        print(f"epoch {mark:5}   {name:<10} {size:7,.1f} MB   {threads} threads   {files} files", flush=True)
            for name, states in seen.items():
                (size, threads, files), last = states[1], states[-1]
                print(
                    f"{name:<10} since epoch {marks[1]}: {last[0] - size:+.1f} MB, {last[1] - threads:+} threads, {last[2] - files:+} files"
                )
        finally:
            browser.close()
            room.close()


if __name__ == "__main__":
    main()
