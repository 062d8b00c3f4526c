"""The doctor: is everything here that Athanor needs? Prints one line a finding; 1 when something must be mended."""

import argparse
import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass

from engine import __version__, strings
from engine.folders import data_roots
from engine.jobs.launch import supervisor_version
from engine.jobs.machine import torch_facts
from engine.store.connect import library, open_store
from engine.store.home import Home

GIB = 2**30
LEAST_FREE = 2 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `ok` False must be mended; `note` says what was found and what to do."""

    name: str
    ok: bool
    note: str


def doctor(given: argparse.Namespace, home: Home) -> int:
    """Look at Python, the store, the disk, torch and its devices, the supervisor, the data roots."""
    findings = [_python(), _store(home), _disk(home), _torch(), _supervisor(home), _data(home)]
    ok = all(finding.ok for finding in findings)
    if given.json:
        print(json.dumps({"ok": ok, "version": __version__, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        print("\n".join(f"{'ok ' if finding.ok else 'BAD'}  {finding.name:<11} {finding.note}" for finding in findings))
    return 0 if ok else 1


def _python() -> Finding:
    return Finding("python", True, f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def _store(home: Home) -> Finding:
    store = open_store(home)
    with store.write():
        pass  # a store that can only be read ends here, in a sentence
    used = library()
    key = "command.doctor_wal" if used.journal == "wal" else "command.doctor_journal"
    return Finding("store", True, strings.say(key, path=str(store.home.database), library=used.name, version=used.version))


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.root).free
    return Finding(
        "disk", free >= LEAST_FREE, strings.say("command.doctor_disk", free=f"{free / GIB:.1f}", least=f"{LEAST_FREE / GIB:.0f}")
    )


def _torch() -> Finding:
    facts = torch_facts()
    if facts is None:
        return Finding("torch", False, strings.say("command.doctor_no_torch"))
    device = ", ".join(facts["devices"]) or strings.say("command.doctor_cpu_only")
    return Finding("torch", True, f"{facts['torch']}, torchvision {facts['torchvision']}; {device}")


def _supervisor(home: Home) -> Finding:
    found = supervisor_version(open_store(home))
    if found is None:
        return Finding("supervisor", True, strings.say("command.doctor_asleep"))
    return Finding("supervisor", found == __version__, strings.say("command.doctor_supervisor", found=found, mine=__version__))


def _data(home: Home) -> Finding:
    return Finding("data", True, ", ".join(str(root) for root in data_roots(home.root)))
