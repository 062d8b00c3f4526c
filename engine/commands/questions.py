"""Commands that ask the servant: probe, layers, range, predict. Waits for the answer with a limit, and says so when none comes."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import strings
from engine.commands.knobs import given_config
from engine.commands.output import opened, tell
from engine.errors import AthanorError, NotFound
from engine.folders import one_line, shown
from engine.jobs import asking, launch
from engine.store import runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.strings import anatomy, figures

# Of the rates of a range test one in so many is printed.
SHOWN = 10
# Seconds: a cold start of torch and the probe of a large network take about a minute.
PATIENCE = 180


class Unanswered(AthanorError):
    """The servant has not answered, or could not."""


def probe(given: argparse.Namespace, home: Home) -> int:
    """Measure a config before launching it."""
    config = given_config(given)
    answer = _ask(opened(home), "probe", {"config": config.flat()}, given.patience)
    tell(given, answer, "\n".join(probed(answer)))
    return 0


def layers(given: argparse.Namespace, home: Home) -> int:
    """Take the network of a config apart."""
    answer = _ask(opened(home), "layers", {"config": given_config(given).flat()}, given.patience)
    tell(given, answer, "\n".join([*anatomy.table(answer["layers"]), anatomy.totals(answer)]))
    return 0


def range_test(given: argparse.Namespace, home: Home) -> int:
    """How the loss goes as the learning rate grows, and a rate to begin with."""
    config = given_config(given)
    answer = _ask(opened(home), "range", {"config": config.flat(), "stage": given.stage}, given.patience)
    tell(given, answer, "\n".join(ranged(answer)))
    return 0


def predict(given: argparse.Namespace, home: Home) -> int:
    """What a trained run sees in pictures: the likeliest classes of each."""
    store = opened(home)
    runs.get(store, given.run)
    for image in given.images:
        if not Path(image).is_file():
            raise NotFound("command.no_picture", path=shown(image))
    answer = _ask(store, "predict", {"run": given.run, "images": given.images}, given.patience)
    tell(given, answer, "\n".join(predicted(answer["images"])))
    return 0


def _ask(store: Store, kind: asking.Kind, payload: dict[str, Any], patience: float) -> dict[str, Any]:
    """The servant's answer. Raises Unanswered when none comes in time, and with what the servant says is wrong."""
    key = asking.ask(store, kind, payload)
    launch.ensure_supervisor(store)  # it keeps the servant, who may be gone though its bell still hangs
    found = asking.wait(store, key, patience)
    if found is None or not found.ready:
        raise Unanswered("command.no_answer", seconds=patience, log=str(store.home.supervisor_log))
    if found.reason is not None:
        raise Unanswered(found.reason["key"], **found.reason["fields"])
    return dict(found.answer or {})


def probed(answer: Mapping[str, Any]) -> Iterator[str]:
    """A probe in words: what was found, by the names that `engine.training.probing` gives it."""
    memory, speed = answer["memory"], answer["speed"]
    values = {
        "parameters": figures.count(answer["parameters"]),
        "flops": figures.count(answer["flops"]),
        "peak": _bytes(memory.get("peak")),
        "free": _bytes(memory.get("free")),
        "largest_batch": figures.count(memory.get("largest_batch")),
        "images_per_second": figures.count(speed["expected"]),
        "epoch": figures.duration(speed["epoch_seconds"]),
        "whole": figures.duration(speed["seconds"]),
        "fastest": _fastest(answer),
        "device": str(answer["numerics"]["device"]),
    }
    yield from (f"{strings.say(f'command.probe_{name}'):<28} {value}" for name, value in values.items())
    yield strings.say(f"command.probe_on_{'real' if answer.get('data') == 'real' else 'synthetic'}")


def _fastest(answer: Mapping[str, Any]) -> str:
    found = answer["candidates"][answer["fastest"]]
    key = "command.probe_channels_last" if found["channels_last"] else "command.probe_channels_first"
    return strings.say(key, precision=found["precision"], speed=figures.count(found["images_per_second"]))


def ranged(answer: Mapping[str, Any]) -> Iterator[str]:
    """A range test in words: a line for every tenth rate, then the suggestion."""
    yield f"{strings.say('command.range_rate'):>12} {strings.say('command.range_loss'):>10}"
    for rate, loss in list(zip(answer["rates"], answer["smoothed"], strict=True))[::SHOWN]:
        yield f"{rate:>12.1e} {figures.loss(loss):>10}"
    rate = answer["suggested"]
    yield strings.say("command.range_none") if rate is None else strings.say("command.range_suggested", rate=f"{rate:g}")


def predicted(images: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Predictions in words: a picture, then its likeliest classes; or what is wrong with it."""
    for image in images:
        yield str(image["path"])
        if image.get("reason"):
            yield f"  {strings.reason(image['reason'])}"
        yield from (f"  {figures.percent(share):>8}  {one_line(shown(str(label)))}" for label, share in image.get("best", []))


def _bytes(count: float | None) -> str:
    return "—" if count is None else f"{count / 1e6:,.0f} MB"
