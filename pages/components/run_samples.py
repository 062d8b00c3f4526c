"""Pictures of a run: how its best epoch did on those of validation, and the first batch as the network saw it. Computes nothing."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.catalog import AUGMENTATIONS
from engine.errors import AthanorError
from engine.jobs import asking
from engine.store import first_batch, keeping, runs
from engine.store.first_batch import FirstBatch
from engine.store.requests import Answer
from engine.store.runs import Run
from engine.strings import figures
from pages.components import confusion, engine_watch, state, tiles
from pages.components.answers import LATE
from pages.components.pulse import pulsing
from pages.components.state import store
from pages.components.tiles import Sheet, Tile
from pages.components.words import filled, named, t

ACROSS = 16
KINDS = ("worst", "confused", "best")
# Where each kind lies on the servant's sheet, a row each.
ROWS = ("best", "worst", "confused")
MAP_HEIGHT = 430
# Of counts on strong and on weak colour; light, dark.
INKS = (("#ffffff", "#14181d"), ("#101315", "#e4e8eb"))
WAITING = Answer("", "samples", "waiting", None, None, None, 0.0, None)


def show(run: Run) -> None:
    """First how the best epoch did, then where it all began."""
    found = _answer(run)
    with st.container(key="samples"):
        if rests(run, found):
            _draw(found)
        else:
            _live(run.id)
    st.subheader(t("run.samples.first"), anchor=False)
    _first(run)


@pulsing
def _live(number: int) -> None:
    """Follows the run: a new best epoch is asked about, and the pictures of the one before stay until the answer comes."""
    run = runs.get(store(), number)
    found = _answer(run)
    if rests(run, found):
        st.rerun()
    _draw(found)


def rests(run: Run, found: Answer | None) -> bool:
    """Whether nothing more will come: pictures that were late are asked for until they come."""
    return run.state.ended and (found is None or (found.ready and not _late(found)))


def _late(found: Answer) -> bool:
    return found.reason is not None and found.reason["key"] == LATE


def _draw(found: Answer | None) -> None:
    if found is None:
        st.caption(t("run.samples.before"))
    elif found.answer is not None and found.picture is not None:
        _tell(found.answer, found.picture)
    elif found.reason is not None:
        st.caption(t(found.reason["key"], **named(found.reason["fields"])))
    else:
        st.caption(engine_watch.missing(wanted=True) or t("run.samples.waiting"))


def _answer(run: Run) -> Answer | None:
    """What is known of the best epoch, or of the one before while the servant is at work; None when there is no best epoch."""
    best = next((kept.name for kept in keeping.of(store(), run.id) if kept.best), None)
    if best is None:
        return None
    key, shown = state.samples_asked((run.id, best))
    try:
        key = asking.ask(store(), "samples", {"run": run.id}, state.tab()) if key is None else key
    except (AthanorError, OSError):  # what is wrong with the engine is said while the answer is waited for
        return WAITING
    found = asking.answer(store(), key)
    gone = found is None or _late(found)
    state.ask_samples((run.id, best), None if gone else key, key if found is not None and found.answer else shown)
    if found is not None and found.ready:
        return found
    before = None if shown is None else asking.answer(store(), shown)
    return before if before is not None and before.answer and before.answer["run"] == run.id else found or WAITING


def _tell(found: Mapping[str, Any], picture: bytes) -> None:
    classes = found["classes"]
    st.subheader(t("run.samples.at_best", epoch=found["epoch"]), anchor=False)
    st.caption(t("run.samples.at_best_what", images=found["images"]))
    left, right = st.columns([56, 44], gap="large")
    with left:
        for kind in KINDS:
            st.markdown(f"**{t(f'run.samples.{kind}')}**")
            shown = [_tile(told, classes, ROWS.index(kind) * found["columns"] + place) for place, told in enumerate(found["kinds"][kind])]
            if shown:
                tiles.show(Sheet(picture, found["columns"], len(ROWS)), shown, key=f"tiles-{kind}", across=found["columns"])
            else:
                st.caption(t("run.samples.no_worst"))
    with right:
        _matrix(found, classes)
    st.markdown(f"**{t('run.samples.pairs')}**")
    st.caption(" &nbsp;·&nbsp; ".join(_pair(pair, classes) for pair in found["pairs"]) or t("run.samples.no_pairs"))


def _tile(told: Mapping[str, Any], classes: list[str], at: int) -> Tile:
    label, predicted, sure = classes[told["label"]], classes[told["predicted"]], figures.percent(told["sure"], 0)
    wrong = label != predicted
    said = filled("run.samples.took", label=label, predicted=predicted) if wrong else label
    alt = filled("run.samples.aria", label=label, predicted=predicted, sure=sure)
    return Tile(at, said, filled("run.samples.sure", sure=sure), alt, wrong)


def _matrix(found: Mapping[str, Any], classes: list[str]) -> None:
    st.markdown(f"**{t('run.samples.matrix')}**")
    words = {name: filled(f"run.samples.{name}") for name in ("true", "answer", "count", "share")}
    inks = INKS[st.context.theme.type == "dark"]
    st.altair_chart(confusion.figure(found["matrix"], classes, words, inks), key="confusion", height=MAP_HEIGHT, width="stretch")
    st.caption(t("run.samples.matrix_what"))


def _pair(pair: list[int], classes: list[str]) -> str:
    true, predicted, count, total = pair
    said = t("run.samples.pair", label=classes[true], predicted=classes[predicted])
    return f"{said}: {t('run.samples.pair_count', count=count, total=total)}"


def _first(run: Run) -> None:
    """The first batch; while it may still come, a look for it now and then."""
    folder = store().home.samples(run.id)
    if not run.state.ended and not (folder / first_batch.FACTS).is_file():
        _look_for_first(run.id)
        return
    try:
        _draw_first(first_batch.read(folder), any(run.knobs.get(name) for name in AUGMENTATIONS))
    except OSError:
        st.caption(t("run.samples.first_none"))
    except ValueError:
        st.caption(t("run.samples.first_damaged"))


@pulsing
def _look_for_first(number: int) -> None:
    if (store().home.samples(number) / first_batch.FACTS).is_file():
        st.rerun()
    st.caption(t("run.samples.first_later"))


def _draw_first(found: FirstBatch, augmented: bool) -> None:
    facts = found.facts
    size = t("run.samples.augmented" if augmented else "run.samples.plain", side=facts.side)
    much = t("run.samples.some" if len(facts.labels) < facts.batch else "run.samples.all", shown=len(facts.labels), batch=facts.batch)
    st.caption(f"{size} {much}")
    rows = -(-len(facts.labels) // facts.columns)
    shown = [Tile(at, label, "", filled("run.samples.aria_first", label=label)) for at, label in enumerate(facts.labels)]
    tiles.show(Sheet(found.png, facts.columns, rows), shown, key="tiles-first", across=ACROSS)
