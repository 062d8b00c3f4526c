"""The worker process: imports torch, waits for one claim on its standard input, does that job, tells how it ended.

Knows no training: that is `attempt`.
"""

import argparse
import json
import logging
import os
import signal
import sys
from importlib import import_module
from threading import Thread

from engine.jobs import standing_back
from engine.plain_files import NotPlain, append_plain
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Claim

log = logging.getLogger("athanor.worker")


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.worker")
    parser.add_argument("--home", required=True)
    parser.add_argument("--wanted", action="store_true", help="a run waits for it already, so it stands back for nobody")
    given = parser.parse_args()
    home = Home.find(given.home)
    waking = Thread(target=import_module, args=("engine.jobs.attempt",), name="wake")
    waking.start()
    if not given.wanted:
        _stand_back(waking)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the supervisor went before there was anything to do
    _come_forward()
    claim = Claim(**json.loads(line))
    _log_to(home, claim)
    waking.join()
    from engine.jobs.attempt import Attempt

    attempt = Attempt(Store(home), claim)
    signal.signal(signal.SIGTERM, lambda *_: setattr(attempt, "leave", True))
    if not attempt.make():
        log.warning("this attempt was ended by others; nothing more is written")
    return 0


def _stand_back(waking: Thread) -> None:
    """Import torch when nobody else wants the processor: a page that is being opened comes first.

    In a thread of its own, because a whole process cannot take its low priority back.
    """
    standing_back.session.set(standing_back.LAST)
    standing_back.idle(waking.native_id)


def _come_forward() -> None:
    """A run waits: whatever is still to be imported comes at the usual priority, as far as we are let."""
    standing_back.session.set(0)
    standing_back.usual()


def _log_to(home: Home, claim: Claim) -> None:
    """Everything this process prints from now on stands in the run's log; where something else lies there, in the supervisor's."""
    home.run(claim.run).mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    try:
        with append_plain(home.log(claim.run)) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    except NotPlain as error:
        log.warning("the log of run %s stays here: %s", claim.run, error)
    log.info("run %s, attempt %s, process %s", claim.run, claim.attempt, os.getpid())


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # torch takes two seconds to take itself apart, and holds its memory meanwhile
