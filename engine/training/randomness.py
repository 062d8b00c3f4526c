"""Where all randomness of a run comes from: its seed and the place in the run. Knows no torch and no state."""

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def derive(seed: int, *stream: int) -> int:
    """A 63-bit seed for one place of a run, such as `derive(seed, epoch, step + 1)`. Equal places give equal seeds.

    Each number passes through the finaliser of SplitMix64 (Steele, Lea & Flood 2014), so that neighbouring places,
    and (1, 2) and (2, 1), share nothing; the low 32 bits, all that torch's CPU generator takes, are as good as the rest.
    """
    state = _mix(seed & MASK)
    for value in stream:
        state = _mix((state + value) & MASK)
    return state >> 1


def _mix(value: int) -> int:
    value = (value + GOLDEN) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)
