"""How the width knob scales the channels of a layer. Knows no network."""


def scaled(channels: int, width: float, multiple: int = 8) -> int:
    """`channels * width`, rounded to a multiple (at least one). Multiples of 8 keep vector units and tensor cores full."""
    return max(multiple, round(channels * width / multiple) * multiple)
