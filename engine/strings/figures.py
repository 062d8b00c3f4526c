"""Numbers as a person would write them: losses, shares, durations, counts. The same on page, report and command line."""

import math

NBSP = "\u00a0"


def loss(value: float | None) -> str:
    """A loss in nats, as the chart writes it: `1.25`-like with three decimals, four below 0.1, `4.2e-4` below 0.001."""
    if value is None or not math.isfinite(value):
        return "—"
    if value != 0 and abs(value) < 0.001:
        return short(float(f"{value:.1e}"))
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage: `87.6 %`."""
    return "—" if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}{NBSP}%"


def duration(seconds: float | None) -> str:
    """`0.8 s`, `1:40` (minutes:seconds) or `2:05:00`."""
    if seconds is None:
        return "—"
    if seconds < 10:
        return f"{seconds:.1f}{NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: float | None) -> str:
    """`61,706`, `3.1 M`, `138 M`."""
    if number is None:
        return "—"
    if number >= 1e6:
        return f"{number / 1e6:.3g}{NBSP}M"
    return f"{number:,.0f}"


def flops(number: float | None) -> str:
    """`1.2 M`, `0.08 G` as one would say it before FLOP."""
    if number is None:
        return "—"
    letter, scale = next(((letter, scale) for letter, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)) if number >= scale), ("", 1))
    return f"{number / scale:.3g}{NBSP}{letter}"


def size(count: int) -> str:
    """Bytes: `340 B`, `12 kB`, `1.2 MB`, `2.3 GB`."""
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= scale:
            value = count / scale
            return f"{value:.{1 if value < 10 else 0}f}{NBSP}{unit}"
    return f"{count}{NBSP}B"


def short(value: float | int | str) -> str:
    """A knob's value: `1e-4`, `0.5`, `128`, `sgd`."""
    if isinstance(value, str | int):
        return str(value)
    if value != 0 and abs(value) < 0.01:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:g}"


def knob(value: float | int | str, unit: str) -> str:
    """A knob's value with its unit: `20 %`, `32 px`, `1e-4`; counts of things go without, as their label names them."""
    if unit == "share":
        return percent(float(value), 0 if round(100 * float(value), 1).is_integer() else 1)
    return f"{short(value)}{NBSP}{unit}" if unit in ("px", "°") else short(value)


def points(share: float | None) -> str:
    """A difference of two shares in percentage points, without its sign: `0.6`, `0.04`, `12`."""
    if share is None or not math.isfinite(share):
        return "—"
    value = abs(100 * share)
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 or not value else f"{value:.2g}"


def p_value(p: float) -> str:
    """What stands behind the letter p: `= 0.16`, `= 0.031`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def signed_points(share: float) -> str:
    """The same with a minus that is one: `−0.3`."""
    return f"−{points(share)}" if share < 0 else points(share)


def gain_points(share: float) -> str:
    """A change for the better or worse in percentage points, always with its sign: `+1.2`, `−0.3`."""
    return f"+{points(share)}" if share > 0 else signed_points(share)


def times(ratio: float) -> str:
    """How many times as much: `158`, `3.2`, `0.45`."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
