"""What pages and the command line ask of the servant, and how they read its answer. Imports no torch.

Kinds and payloads: `facts`, `layers`, `probe` and `overview` {"config": flat}, `range` {"config": flat, "stage": 1 or 2}, `preview` and
`draws` {"config": flat, "index": n}, `mosaic` {"config": flat, "page": n}, `predict` {"run": n, "images": [path]}, `samples` {"run": n}.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from engine import __version__
from engine.catalog import DATASETS
from engine.config import KNOBS, RunConfig
from engine.config.look import LOOKS, Look
from engine.config.model import OF_LAYERS, RUN
from engine.errors import AthanorError, BadInput, NotFound
from engine.folders import data_roots, find_tree, subfolders
from engine.jobs import bell, launch
from engine.store import keeping, requests
from engine.store.connect import Store
from engine.store.requests import Answer, Question

Kind = Literal["facts", "layers", "probe", "range", "preview", "draws", "overview", "mosaic", "predict", "samples"]
# Seconds between two looks at an answer.
LOOK = 0.02
# The knobs that a kind's answer depends on: a question that differs in others only has its answer already.
LAYERS = ("dataset", "resolution", "resize", *OF_LAYERS)
FROZEN = ("plan", "last_layers", "frozen_layers")
FACTS = (*LAYERS, *FROZEN, "frozen_norm", "weights")
DATA = tuple(name for name, knob in KNOBS.items() if knob.group == "data")
# A rehearsal has one rate, and all layers learn in it; what frozen ones make is kept beside. A first stage must end before the last epoch.
PROBE = tuple(name for name, knob in KNOBS.items() if knob.alters != "nothing" and knob.group not in ("schedule", "stages"))
PROBE += (*FROZEN, "stage1_epochs")
# A range test has a rate and a schedule of its own.
OWN = ("learning_rate", "stage1_epochs", "stage1_rate", "stage1_schedule")
RANGE = tuple(name for name, knob in KNOBS.items() if knob.group not in ("schedule", "budget") and name not in OWN)
RANGE += ("seed", "precision", "device")
MATTERS: dict[str, tuple[str, ...]] = {
    "facts": FACTS,
    "layers": LAYERS,
    "probe": PROBE,
    "range": RANGE,
    "preview": LOOKS,
    "draws": LOOKS,
    "overview": DATA,
    "mosaic": DATA,
}
# Of these no network is asked, so it need not fit.
LOOKED_AT = ("preview", "draws", "overview", "mosaic")


def ask(store: Store, kind: Kind, payload: Mapping[str, Any], form: str | None = None) -> str:
    """Ask the servant; the key under which the answer will be. Equal questions have equal keys and share an answer.

    `form` names a form on a screen (one of one browser tab): its newer question of a kind withdraws its older one, whose `answer`
    then is None. A question without one is always answered. Raises BadInput for a payload that is no plain data.
    """
    asked = _plain(kind, payload)
    key = _key(kind, asked, _circumstances(store, kind, asked))
    if requests.put(store, Question(key, kind, asked), form) and not bell.ring(store.home.servant_bell):
        launch.ensure_supervisor(store)
    return key


def answer(store: Store, key: str) -> Answer | None:
    """How a question stands: `state` waiting, working, done or failed. None: withdrawn or forgotten; ask again."""
    return requests.read(store, key)


def wait(store: Store, key: str, seconds: float) -> Answer | None:
    """The answer when it has come, else how the question stands after so many seconds."""
    give_up = time.monotonic() + seconds
    while (found := answer(store, key)) is not None and not found.ready and time.monotonic() < give_up:
        time.sleep(LOOK)
    return found


def _plain(kind: Kind, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as it is stored: of a good config only what matters; a bad one goes as it is, for the servant to say why."""
    asked = dict(payload)
    if kind == "predict" and isinstance(asked.get("images"), list | tuple):
        asked["images"] = [str(Path(image).absolute()) if isinstance(image, str | Path) else image for image in asked["images"]]
    if kind in MATTERS and isinstance(asked.get("config"), Mapping):
        try:
            flat = (Look if kind in LOOKED_AT else RunConfig).from_flat(asked["config"]).flat()
        except AthanorError:
            flat = dict(asked["config"])
        else:
            flat = {name: flat[name] for name in MATTERS[kind]}
        asked["config"] = flat
    try:
        _canonical(asked)
    except (ValueError, TypeError) as error:
        raise BadInput("servant.bad_question", message=str(error)[:200].encode("utf-8", "replace").decode()) from error
    return asked


def _circumstances(store: Store, kind: Kind, asked: Mapping[str, Any]) -> list[Any]:
    """What else the answer depends on and may change: the pictures in a folder, a run's best checkpoint, the files to look at."""
    try:
        if kind in ("predict", "samples"):
            kept = next((one.sha256 for one in keeping.of(store, int(asked["run"])) if one.best), "")
            return [kept, *(_stamp(Path(image)) for image in asked.get("images", []))]
        dataset, weights = (asked["config"].get(name, KNOBS[name].default) for name in ("dataset", "weights"))
        files = [] if dataset in DATASETS else _tree_stamps(find_tree(dataset, data_roots(store.home.root)))
        return [*files, *_donor_stamp(store, weights)] if kind == "range" and weights.startswith(RUN) else files
    except (AthanorError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return []  # a bad question; the servant will say what is wrong with it


def _donor_stamp(store: Store, weights: str) -> list[str]:
    """The best checkpoint of the run that a range test begins with; of none the servant will say that it is missing."""
    with contextlib.suppress(NotFound):
        return [keeping.best(store, int(weights.removeprefix(RUN))).sha256]
    return []


def _tree_stamps(tree: Path) -> list[Any]:
    """A folder's time changes when a picture comes or goes. Classes lie one or two levels deep."""
    inner = list(subfolders(tree))
    return [_stamp(folder) for folder in [tree, *inner, *(below for folder in inner for below in subfolders(folder))]]


def _stamp(path: Path) -> list[Any]:
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return []
    return [str(path), facts.st_size, facts.st_mtime_ns]


def _key(kind: str, asked: Mapping[str, Any], circumstances: list[Any]) -> str:
    return hashlib.sha256(_canonical([kind, asked, __version__, circumstances])).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
