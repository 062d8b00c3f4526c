"""What training and the web server take of memory: `python -m tests.benchmarks.memory`.

Peak of a training process, by our loop and by a plain one written as torchvision's reference, on the same network, pictures and batch; and
the server after a browser has seen every page. Proportional set sizes, so that what processes share counts once.
"""

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from tests.benchmarks.peers.__main__ import NETS, invocation
from tests.benchmarks.screen import server
from tests.conftest import CHROMIUM_ARGS, find_chromium
from tests.engine_room import EngineRoom
from tests.free_port import answers
from tests.waiting import until

MB = 2**20
# Seconds between two looks at a process.
LOOK = 0.1


def sizes(process: psutil.Process, family: bool) -> Iterator[int]:
    """Bytes of it, and with `family` of its children too."""
    for one in [process, *(process.children(recursive=True) if family else [])]:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            yield one.memory_full_info().pss


def peak(peer: str, net: str) -> tuple[int, int]:
    """Bytes at most: of the process, and of it with its loader's workers."""
    words, outside = invocation(peer, net)
    alone = together = 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **outside) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            alone, together = max(alone, sum(sizes(process, family=False))), max(together, sum(sizes(process, family=True)))
            with suppress(subprocess.TimeoutExpired):
                child.wait(LOOK)
    if child.returncode:
        raise SystemExit(f"{peer} ended with {child.returncode}; `python -m tests.benchmarks.peers --nets {net} --peers {peer}` says why")
    return alone, together


def web() -> tuple[int, bool]:
    """Bytes of the server after a visit to every page, and whether torch is in it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        room = EngineRoom(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        try:
            run = room.ended(room.start()).id
            with server(room) as url:
                until(lambda: answers(url))
                page = browser.new_page()
                for path in ("/", f"/?run={run}", f"/run?id={run}", "/compare", "/data"):
                    page.goto(url + path)
                    page.wait_for_selector('[data-test-script-state="notRunning"]')
                mine = next(one for one in psutil.Process().children() if "streamlit" in one.cmdline())
                maps = Path(f"/proc/{mine.pid}/maps").read_text(encoding="utf-8")
                return sum(sizes(mine, family=False)), "libtorch" in maps
        finally:
            browser.close()
            room.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for net in given.nets:
        found = {peer: [peak(peer, net) for _ in range(given.rounds)] for peer in ("athanor", "plain")}
        ours, theirs = ([statistics.median(side) / MB for side in zip(*found[peer], strict=True)] for peer in found)
        print(
            f"{net:<10} Athanor {ours[0]:7,.0f} MB   plain loop {theirs[0]:7,.0f} MB, with its loader's workers {theirs[1]:7,.0f} MB"
            f"   {ours[0] / theirs[0]:.2f} and {ours[0] / theirs[1]:.2f}",
            flush=True,
        )
    size, torch = web()
    print(f"web server {size / MB:,.0f} MB, {'with' if torch else 'without'} torch")


if __name__ == "__main__":
    main()
