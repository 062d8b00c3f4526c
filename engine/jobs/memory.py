"""Memory that ran out: what the kernel's own counter says, and what to try then. Imports no torch."""

from pathlib import Path
from typing import Any

from engine.catalog import ARCHITECTURES
from engine.store.runs import Run

_KERNEL = Path("/proc/vmstat")
# A picture of .7 times the side takes half the memory.
HALF_THE_AREA = 0.7
# The sentence by what is left to try.
TIPS = {
    ("smaller_batch", "smaller_resolution"): "errors.out_of_memory",
    ("smaller_batch",): "errors.out_of_memory_batch",
    ("smaller_resolution",): "errors.out_of_memory_resolution",
    (): "errors.out_of_memory_least",
}


def kills() -> int:
    """How often the kernel has ended a process for want of memory since the machine started; 0 where it does not tell."""
    try:
        lines = _KERNEL.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def ran_out(run: Run, message: str) -> dict[str, Any]:
    """The reason of a run for which memory ran out, with what to try where there is less: half the batch, half the area of a picture."""
    now = {"batch": int(run.knobs["batch_size"]), "resolution": int(run.knobs["resolution"])}
    least = ARCHITECTURES[run.knobs["architecture"]].smallest
    less = {"batch": max(now["batch"] // 2, 2), "resolution": max(least, round(now["resolution"] * HALF_THE_AREA / 8) * 8)}
    tips = {f"smaller_{name}": value for name, value in less.items() if value < now[name]}
    return {"key": TIPS[tuple(tips)], "fields": {"message": message.rstrip(". "), **now, **tips}}
