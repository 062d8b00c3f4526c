"""The doctor: is everything here that Athanor needs? Prints one line a finding; 1 when something must be mended."""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from engine import __version__, strings
from engine.commands import soundness
from engine.commands.finding import Finding, found, named
from engine.commands.output import opened
from engine.folders import data_roots, shown
from engine.jobs.identity import alive, boot_id
from engine.jobs.launch import supervisor_version
from engine.jobs.lease import elsewhere
from engine.jobs.machine import torch_facts
from engine.jobs.terms import SERVANT
from engine.jobs.watching import stalled
from engine.store import attempts, health
from engine.store.connect import Store
from engine.store.home import Home

# Seconds by which two clocks of one machine may differ before anybody is told.
CLOCK_TOLERANCE = 60.0


def doctor(given: argparse.Namespace, home: Home) -> int:
    """Look at Python, the store, the disk, torch and its devices, the standing processes, the runs, the clock, the data."""
    findings = [*_torch(), *examine(opened(home))]
    ok = all(finding.ok for finding in findings)
    if given.json:
        print(json.dumps({"ok": ok, "version": __version__, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        print("\n".join(f"{'ok ' if finding.ok else 'BAD'}  {finding.name:<11} {finding.note}" for finding in findings))
    return 0 if ok else 1


def examine(store: Store) -> list[Finding]:
    """Everything but torch, whose import takes seconds."""
    looks = (_python(), soundness.look(store), _processes(store), _bells(store.home), _runs(store), _clock(store), _data(store.home))
    return [finding for look in looks for finding in look]


def _python() -> Iterator[Finding]:
    yield Finding("python", True, f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def _torch() -> Iterator[Finding]:
    facts = torch_facts()
    if facts is None:
        yield found("torch", False, "no_torch")
    else:
        device = ", ".join(facts["devices"]) or strings.say("command.doctor_cpu_only")
        yield Finding("torch", True, f"{facts['torch']}, torchvision {facts['torchvision']}; {device}")


def _processes(store: Store) -> Iterator[Finding]:
    version, other = supervisor_version(store), elsewhere(store)
    if other is not None:
        yield found("supervisor", False, "supervisor_elsewhere", place=store.place, other=other.place, pid=other.identity.pid)
    elif version is None:
        yield found("supervisor", True, "asleep")
    else:
        yield found("supervisor", version == __version__, "supervisor", found=version, mine=__version__)
    servant = attempts.presence(store, SERVANT)
    if servant is not None and alive(servant.identity):
        yield found("servant", True, "servant", pid=servant.identity.pid)
    else:
        yield found("servant", True, "servant_asleep" if version is None else "servant_away")


def _bells(home: Home) -> Iterator[Finding]:
    """What stands in the place of a named pipe and is none is replaced by its owner at its next start."""
    wrong = [bell for bell in (home.bell, home.servant_bell) if bell.exists() and not bell.is_fifo()]
    yield found("bells", not wrong, "bells_wrong" if wrong else "bells", files=named([bell.name for bell in wrong]))


def _runs(store: Store) -> Iterator[Finding]:
    under_way = attempts.under_way(store)
    idle = {attempt.claim.run: stalled(store, attempt.claim.run) for attempt in under_way}
    slow = [f"{run} ({seconds:.0f} s)" for run, seconds in idle.items() if seconds is not None]
    orphans = [attempt.claim.run for attempt in under_way if attempt.identity is not None and not alive(attempt.identity)]
    if slow:
        yield found("stalled", False, "stalled", runs=named(slow))
    if orphans:
        yield found("orphans", False, "orphans", runs=named(orphans))
    if not slow and not orphans:
        yield found("runs", True, "runs", count=len(under_way))


def _clock(store: Store) -> Iterator[Finding]:
    """Ages are of the monotonic clock of one boot; the other clock only dates what people read."""
    newest, now = health.newest_record(store) or 0.0, time.time()
    if newest > now + CLOCK_TOLERANCE:
        yield found("clock", False, "clock_back", seconds=f"{newest - now:.0f}")
    else:
        yield found("clock", True, "clock", boot=boot_id()[:8], up=f"{time.monotonic() / 3600:.1f}")


def _data(home: Home) -> Iterator[Finding]:
    roots = data_roots(home.root)
    missing = [shown(str(root)) for root in roots if not _readable(root)]
    known = ", ".join(shown(str(root)) for root in roots)
    yield found("data", False, "data_missing", roots=named(missing)) if missing else Finding("data", True, known)


def _readable(root: Path) -> bool:
    return root.is_dir() and os.access(root, os.R_OK | os.X_OK)
