"""The servant's work: answers questions from the store one at a time beside all training.

It may die at any moment: the next one asks the question again once. Knows no page; how an answer is made is others' work.
"""

import logging
import os
import select
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import torch

from engine import __version__, faults
from engine.config import RunConfig
from engine.config.look import Look
from engine.data import overview, preview
from engine.data.arrivals import Arrivals
from engine.data.sample import outline
from engine.data.split import split
from engine.errors import AthanorError, BadInput, StoreError
from engine.folders import data_roots
from engine.jobs import bell, slots
from engine.jobs.identity import alive, identify
from engine.jobs.terms import SERVANT
from engine.store import attempts, keeping, requests, runs
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.requests import Question
from engine.store.runs import Run
from engine.training import checkpoints, gallery, measured, probing, ranging, samples
from engine.training.facts import facts, layers
from engine.training.inheriting import Saved, Shelf
from engine.training.predicting import Predictor
from engine.training.rehearsal import Unwanted, unchanged_flags

log = logging.getLogger("athanor.servant")

# Seconds between two looks at the questions when nobody rings; also how often it says that it is there.
LOOK = 5.0
# Seconds for which another servant of this folder, whose supervisor has gone, is waited for between two looks.
HANDOVER = 0.05
# Seconds that pictures to be looked at, and those that decide the facts of a folder, are waited for; they go on coming after that,
# and a page asks again.
PICTURES, OUTLINE = 2.0, 2.0
# Pictures in one question; strips, sheets of draws and pages of classes.
MOST_IMAGES, MOST_PLACES = 1000, 1_000_000

Answered = tuple[dict[str, Any], bytes | None]


class Servant:
    """The loop, and the datasets that are on their way."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.identity = identify()
        self.arrivals = Arrivals(data_roots(home.root), home.cache)
        self.bell = bell.hang(home.servant_bell)

    def serve(self) -> None:
        """Until its process is ended."""
        self._wait_for_older()
        take_up = requests.recover
        while True:
            try:
                store = open_store(self.home)
                take_up(store)
                take_up = requests.give_back  # from here on it is the store that fails, not we
                while True:
                    self._turn(store)
            except StoreError as error:
                log.warning("the store waits: %s", error)
                time.sleep(LOOK)

    def _wait_for_older(self) -> None:
        """Two servants would take each other's work for that of a dead one."""
        while True:
            with suppress(StoreError):
                seen = attempts.presence(open_store(self.home), SERVANT)
                if seen is None or seen.identity == self.identity or not alive(seen.identity):
                    return
            time.sleep(HANDOVER)

    def _turn(self, store: Store) -> None:
        attempts.announce(store, SERVANT, __version__, self.identity)
        while (question := requests.take(store)) is not None:
            self._work(store, question)
        if select.select([self.bell], [], [], LOOK)[0]:
            os.read(self.bell, 65536)

    def _work(self, store: Store, question: Question) -> None:
        """Answer one question; whatever goes wrong becomes its reason."""
        try:
            faults.point("servant.answer")
            with unchanged_flags():
                answer, picture = ANSWERS[question.kind](self, store, question)
        except Unwanted:
            return
        except AthanorError as error:
            requests.fail(store, question.key, error.as_reason())
        except (MemoryError, torch.OutOfMemoryError) as error:
            requests.fail(store, question.key, {"key": "servant.out_of_memory", "fields": {"message": _line(error)}})
        except Exception as error:
            log.error("%s: %s", question.kind, traceback.format_exc())
            fields = {"type": type(error).__name__, "message": _line(error)}
            requests.fail(store, question.key, {"key": "servant.failed", "fields": fields})
        else:
            requests.finish(store, question.key, answer, picture)

    def facts(self, _store: Store, question: Question) -> Answered:
        """The size and the work of a network."""
        config = _config(question.payload)
        data = outline(config.data, self.arrivals, OUTLINE)
        return {**vars(facts(config, data.channels, data.classes)), "channels": data.channels, "classes": data.classes}, None

    def layers(self, _store: Store, question: Question) -> Answered:
        """What a network is made of, layer by layer."""
        config = _config(question.payload)
        data = outline(config.data, self.arrivals, OUTLINE)
        found = [vars(layer) for layer in layers(config, data.channels, data.classes)]
        return {"architecture": config.model.architecture, **_totals(found), "layers": found}, None

    def probe(self, store: Store, question: Question) -> Answered:
        """Memory, speed and the fastest setting, and how much else was going on while they were measured."""
        before = self._beside(store)
        config = _config(question.payload)
        cores = slots.cores(store)
        numerics = replace(measured.numerics(config, cores, self.home.measured), compiled=False)
        found = probing.probe(config, self.arrivals, numerics, lambda: self._meanwhile(store, question))
        beside = max(before, self._beside(store))
        if not beside:
            self._keep(config, found)
        if measured.numerics(config, cores, self.home.measured).compiled:
            found = probing.as_compiled(found, config.budget.epochs)
        return {**found.as_dict(), "beside": beside}, None

    def range(self, store: Store, question: Question) -> Answered:
        """How the loss of a config goes as the rate grows, and a rate to begin with."""
        config = _config(question.payload)
        numerics = replace(measured.numerics(config, slots.cores(store), self.home.measured), compiled=False)
        shelf = Shelf(self.home.weights, partial(_saved, store))
        stage = _place(question.payload, "stage", ranging.LAST, ranging.LAST)
        found = ranging.range_test(config, self.arrivals, numerics, lambda: self._meanwhile(store, question), shelf, stage)
        return found.as_dict(), None

    def _keep(self, config: RunConfig, found: probing.Probe) -> None:
        try:
            measured.keep(config, found, self.home.measured)
        except OSError as error:
            log.warning("what was measured is not kept: %s", error)

    def _meanwhile(self, store: Store, slow: Question) -> bool:
        """Between two steps of a measurement: answer what is quick, and say whether anybody still waits for the slow one."""
        while (question := requests.take(store, besides=requests.SLOW)) is not None:
            self._work(store, question)
        return requests.wanted(store, slow.key)

    def _beside(self, store: Store) -> int:
        """Runs that train, and datasets that are read, at this moment."""
        return len(attempts.under_way(store)) + self.arrivals.busy()

    def preview(self, _store: Store, question: Question) -> Answered:
        """A strip of training pictures."""
        look, index = _look(question.payload), _place(question.payload, "index")
        return _pictures(preview.strip(look, self.arrivals.within(PICTURES, look.data), index))

    def draws(self, _store: Store, question: Question) -> Answered:
        """A few training pictures, each as it is and as it was drawn several times."""
        look, index = _look(question.payload), _place(question.payload, "index")
        return _pictures(preview.draws(look, self.arrivals.within(PICTURES, look.data), index))

    def overview(self, _store: Store, question: Question) -> Answered:
        """What a dataset holds, what is to be said of it, and its mean picture."""
        look = _look(question.payload)
        dataset = self.arrivals.within(PICTURES, look.data)
        parts = split(dataset, look.data)
        return overview.overview(dataset, parts), overview.mean_picture(dataset, parts)

    def mosaic(self, _store: Store, question: Question) -> Answered:
        """Some pictures of each class of a page; the rows stand one after the other, as long as `cuts` says."""
        look, page = _look(question.payload), _place(question.payload, "page")
        dataset = self.arrivals.within(PICTURES, look.data)
        found = overview.mosaic(dataset, split(dataset, look.data), page)
        told = {"first": found.first, "names": found.names, "train": found.train, "cuts": [len(row) for row in found.rows]}
        return told, b"".join(found.rows)

    def predict(self, store: Store, question: Question) -> Answered:
        """What the best epoch of a run sees in picture files."""
        number, images = question.payload.get("run"), question.payload.get("images")
        if not _is_number(number) or not _are_names(images):
            raise BadInput("servant.bad_images", most=MOST_IMAGES)
        run, best = _best(store, number)
        predictor = Predictor.load(checkpoints.load(self.home.checkpoints(run.id), best.name))
        told = predictor.answer([Path(image) for image in images])
        return {"run": run.id, "epoch": best.epoch, "classes": predictor.classes, "images": told}, None

    def samples(self, store: Store, question: Question) -> Answered:
        """How the best epoch of a run did on the validation pictures, and the most telling of them."""
        number = question.payload.get("run")
        if not _is_number(number):
            raise BadInput("servant.bad_question", message=f"run = {number!r}"[:200])
        run, best = _best(store, number)
        seen = samples.read(self.home.samples(run.id), best.name)
        config = RunConfig.model_validate(run.config).data
        told, picture = gallery.show(seen, self.arrivals.within(PICTURES, config), config)
        return {"run": run.id, **told}, picture


ANSWERS: dict[str, Callable[[Servant, Store, Question], Answered]] = {
    "facts": Servant.facts,
    "layers": Servant.layers,
    "probe": Servant.probe,
    "range": Servant.range,
    "preview": Servant.preview,
    "draws": Servant.draws,
    "overview": Servant.overview,
    "mosaic": Servant.mosaic,
    "predict": Servant.predict,
    "samples": Servant.samples,
}


def _totals(layers: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(layer[name] for layer in layers) for name in ("parameters", "flops")}


def _is_number(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and runs.number_of(str(number)) is not None


def _best(store: Store, number: int) -> tuple[Run, Kept]:
    """A run and the checkpoint of its best epoch. Raises NotFound."""
    run = runs.get(store, number)
    return run, keeping.best(store, run.id)


def _saved(store: Store, number: int) -> Saved:
    """Where the weights of a run lie, for one that begins with them. Raises NotFound."""
    run, best = _best(store, number)
    return Saved(store.home.checkpoints(run.id), best.name, best.epoch)


def _config(payload: Mapping[str, Any]) -> RunConfig:
    """The config that is asked about. Raises BadKnob, and BadInput when there is none."""
    given = payload.get("config")
    if not isinstance(given, Mapping):
        raise BadInput("servant.bad_question", message=f"config = {given!r}"[:200])
    return RunConfig.from_flat(given)


def _look(payload: Mapping[str, Any]) -> Look:
    """The pictures that are asked about. Raises BadKnob, and BadInput when there are none."""
    given = payload.get("config")
    if not isinstance(given, Mapping):
        raise BadInput("servant.bad_question", message=f"config = {given!r}"[:200])
    return Look.from_flat(given)


def _place(payload: Mapping[str, Any], name: str, usual: int = 0, most: int = MOST_PLACES) -> int:
    """Which strip, which page, which stage. Raises BadInput."""
    place = payload.get(name, usual)
    if not isinstance(place, int) or not 0 <= place <= most:
        raise BadInput("servant.bad_question", message=f"{name} = {place!r}"[:200])
    return place


def _pictures(found: preview.Sheet) -> Answered:
    return {name: value for name, value in vars(found).items() if name != "png"}, found.png


def _are_names(images: Any) -> TypeGuard[list[str]]:
    return isinstance(images, list) and 0 < len(images) <= MOST_IMAGES and all(isinstance(image, str) for image in images)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
