"""A network's layers in words, the same on the page and the command line. Knows them as the servant tells them."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine import catalog
from engine.strings import figures, say

COLUMNS = ("number", "kind", "name", "shape", "parameters", "flops", "field")
# These are numbers, and end under each other.
NUMBERS = ("number", "shape", "parameters", "flops", "field")

Told = Mapping[str, Any]


def headings(language: str = "en") -> list[str]:
    """The names of the columns."""
    return [say(f"model.column.{name}", language) for name in COLUMNS]


def cells(layer: Told, language: str = "en") -> list[str]:
    """One layer, a text for each column; empty where there is nothing to count."""
    number, parameters, flops = layer["number"], layer["parameters"], layer["flops"]
    return [
        "" if number is None else str(number),
        kind(layer, language),
        layer["name"] or say("model.itself", language),
        " × ".join(map(str, layer["shape"])),
        figures.count(parameters) if parameters else "",
        figures.flops(flops).strip(figures.NBSP) if flops else "",
        str(layer["field"]),
    ]


def kind(layer: Told, language: str = "en") -> str:
    """What a layer does: `Convolution 3 × 3, stride 2`."""
    word = say(f"model.kind.{layer['kind']}", language, kernel=layer["kernel"])
    usual = layer["kernel"] if layer["kind"].endswith("pool") else 1
    return word if layer["stride"] == usual else say("model.kind.strided", language, kind=word, stride=layer["stride"])


def totals(told: Told, language: str = "en", name: str = "{}") -> str:
    """A network in one line; `name` is how its name is written, as `**{}**`."""
    layers = len({layer["number"] for layer in told["layers"]} - {None})
    counted = {"parameters": figures.count(told["parameters"]), "flops": figures.flops(told["flops"])}
    return say("model.totals", language, name=name.format(label(told)), layers=layers, **counted)


def against(first: Told, second: Told, language: str = "en") -> str:
    """Two networks in one sentence, the one with more parameters named first."""
    if first == second:
        return say("model.same", language)
    less, more = sorted((first, second), key=lambda told: told["parameters"])
    ratios = {name: figures.times(more[name] / less[name]) for name in ("parameters", "flops")}
    counts = {f"{side}_parameters": figures.count(told["parameters"]) for side, told in (("more", more), ("less", less))}
    works = {f"{side}_flops": figures.flops(told["flops"]).strip(figures.NBSP) for side, told in (("more", more), ("less", less))}
    return say("model.against", language, more=label(more), less=label(less), **ratios, **counts, **works)


def label(told: Told) -> str:
    """The network's name."""
    return catalog.ARCHITECTURES[told["architecture"]].label


def table(layers: Sequence[Told], language: str = "en") -> list[str]:
    """The layers as lines of a terminal."""
    rows = [headings(language), *(cells(layer, language) for layer in layers)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    return ["  ".join(_padded(*cell) for cell in zip(row, widths, COLUMNS, strict=True)).rstrip() for row in rows]


def _padded(text: str, width: int, column: str) -> str:
    return text.rjust(width) if column in NUMBERS else text.ljust(width)
