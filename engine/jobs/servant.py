"""The servant process: stands back for everybody, imports torch, answers, goes with its supervisor.

Knows no question: that is `answering`.
"""

import argparse
import logging
import os
import sys
import threading

from engine.errors import StoreError
from engine.jobs.identity import identify
from engine.jobs.terms import SERVANT
from engine.store import attempts, requests
from engine.store.connect import open_store
from engine.store.home import Home

log = logging.getLogger("athanor.servant")

# Never slows a launch: the training beside it comes first. Where sessions share the processor it keeps its share: with a nice value of 5
# for its session, a third of a training's weight, the first answer beside a training on all cores took 24 s instead of 10 and a preview
# 180 ms instead of 50; with 10, 40 s and 400 ms.
NICENESS = 10


def _leave_with(home: Home) -> None:
    """Wait for the end of standard input, that is, of the supervisor; then go at once, even from the middle of an answer."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    try:
        store = open_store(home)
        requests.give_back(store)
        attempts.withdraw(store, SERVANT, identify())
    except StoreError as error:
        log.warning("%s", error)  # the next servant finds what we leave
    finally:
        os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.servant")
    parser.add_argument("--home", required=True)
    home = Home.find(parser.parse_args().home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s servant %(message)s")
    os.nice(NICENESS)
    from engine.jobs.answering import Servant

    threading.Thread(target=_leave_with, args=(home,), name="leave", daemon=True).start()
    Servant(home).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
