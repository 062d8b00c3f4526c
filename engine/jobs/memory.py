"""Memory that ran out: what the kernel's own counter says, and what to try then. Imports no torch."""

from pathlib import Path
from typing import Any

from engine.catalog import ARCHITECTURES
from engine.store.runs import Run

_KERNEL = Path("/proc/vmstat")
# A picture of .7 times the side takes half the memory.
HALF_THE_AREA = 0.7


def kills() -> int:
    """How often the kernel has ended a process for want of memory since the machine started; 0 where it does not tell."""
    try:
        lines = _KERNEL.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def ran_out(run: Run, message: str) -> dict[str, Any]:
    """The reason of a run for which memory ran out, with what to try: half the batch, or half the area of its pictures."""
    batch, resolution = int(run.knobs["batch_size"]), int(run.knobs["resolution"])
    least = ARCHITECTURES[run.knobs["architecture"]].smallest
    tip = {"smaller_batch": max(batch // 2, 2), "smaller_resolution": max(least, round(resolution * HALF_THE_AREA / 8) * 8)}
    return {"key": "errors.out_of_memory", "fields": {"message": message.rstrip(". "), "batch": batch, "resolution": resolution, **tip}}
