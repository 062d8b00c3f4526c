"""A data folder with a real servant process, whose supervisor is the test: it holds the other end of its standard input."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.jobs import asking
from engine.jobs.asking import Kind
from engine.jobs.identity import alive
from engine.jobs.terms import SERVANT
from engine.store import attempts
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.requests import Answer
from tests.waiting import until


class ServantRoom:
    """The folder, its store, and a servant that is started and ended by hand."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.store = Store(self.home)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """A servant; the one before it, if any, is ended."""
        self._end()
        command = [sys.executable, "-m", "engine.jobs.servant", "--home", str(self.home.root)]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, start_new_session=True, env=os.environ | environment)
        return self.process

    def there(self) -> bool:
        seen = attempts.presence(self.store, SERVANT)
        return seen is not None and self.process is not None and seen.identity.pid == self.process.pid and alive(seen.identity)

    def ask(self, kind: Kind, form: str | None = None, **payload: Any) -> Answer:
        """The answer of a servant that is there."""
        until(self.there)
        answer = asking.wait(self.store, asking.ask(self.store, kind, payload, form), 120.0)
        assert answer is not None
        assert answer.ready, answer
        return answer

    def close(self) -> None:
        self._end()
        self.store.engine.dispose()

    def _end(self) -> None:
        """As a supervisor's death does it."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            try:
                self.process.wait(60)
            finally:
                self.process.kill()
                self.process.wait()
            self.process = None
