"""The pictures of the README, taken from the real app: `python -m tests.browser.pictures`. Writes into docs/.

A film of the first quarter of a minute: a recipe that memorises is chosen and started, its curves come, the verdict says so.
"""

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tests.browser.screen import PHONE, WIDE, chart, start
from tests.conftest import CHROMIUM_ARGS, ROOT, find_chromium
from tests.engine_room import EngineRoom
from tests.free_port import answers, free_port
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = ROOT / "docs"
# Seconds of the film, pictures a second, and its width in pixels.
LENGTH, RATE, WIDTH = 20.0, 4.0, 1080


@contextmanager
def app(folder: Path) -> Iterator[str]:
    """A server of its own; its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"ATHANOR_HOME": str(folder)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def film(page: "Page") -> None:
    """Choose, start, watch; a picture every quarter of a second."""
    frames = [seen(page)] * 4
    page.click(".st-key-first-memorises button")
    page.wait_for_url("**knob-train_share=0.05*")
    frames += [seen(page)] * 4
    start(page)
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < LENGTH:
        frames.append(seen(page))
        page.wait_for_timeout(max(0.0, 1000 * (1 / RATE - (time.monotonic() - begun - now))))
    chart(page, "ended")
    frames += [seen(page)] * 8
    frames[0].save(
        DOCS / "playground.webp", save_all=True, append_images=frames[1:], duration=round(1000 / RATE), loop=0, quality=60, method=4
    )


def seen(page: "Page") -> Image.Image:
    """What the page shows now."""
    whole = Image.open(io.BytesIO(page.screenshot()))
    return whole.resize((WIDTH, round(WIDTH * whole.height / whole.width)), Image.Resampling.LANCZOS).convert("RGB")


def main() -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp()) / "home"
    room = EngineRoom(folder)
    with sync_playwright() as playwright, app(folder) as url:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        try:
            page = browser.new_page(viewport=WIDE)
            page.goto(url)
            page.wait_for_selector(".st-key-start button:enabled")
            page.wait_for_function("() => !document.body.innerText.includes('Measuring memory')", timeout=60_000)
            film(page)
            for seed in (1, 2):
                room.ended(room.start(epochs=20, width=1.0, train_share=1.0, resolution=32, seed=seed))
                room.ended(room.start(epochs=20, width=1.0, train_share=1.0, resolution=32, seed=seed, augmentation="medium"))
            for name, where in (("run", "/run?id=1&tab=samples"), ("compare", "/compare?runs=2,3,4,5"), ("data", "/data")):
                page.goto(url + where)
                page.wait_for_timeout(6000)  # pictures from the servant: there is no one mark for all of them
                page.screenshot(path=DOCS / f"{name}.png")
            dark = browser.new_page(viewport=WIDE, color_scheme="dark")
            dark.goto(f"{url}/?id=1")
            chart(dark, "ended")
            dark.screenshot(path=DOCS / "playground-dark.png")
            phone = browser.new_page(viewport=PHONE, user_agent="Mobile")
            phone.goto(f"{url}/?id=1")
            chart(phone, "ended")
            phone.screenshot(path=DOCS / "phone.png")
        finally:
            browser.close()
            room.close()


if __name__ == "__main__":
    main()
