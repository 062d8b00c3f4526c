"""What a verdict prescribes, as buttons: what is tried, what may be expected of it, what it costs. One press queues the next run.

Decides nothing: the verdict is stored, the record is counted by `engine.studies.track`.
"""

from collections.abc import Sequence

import streamlit as st

from engine import catalog
from engine.diagnosis import Prescription, Verdict, remedy, sayable
from engine.jobs import launch
from engine.store import advice, runs, verdicts
from engine.store.connect import Store
from engine.store.runs import Run
from engine.strings import figures
from engine.studies import track
from pages.components import form
from pages.components.knobs import value_label
from pages.components.pulse import attempt_to
from pages.components.state import language, show_run, store
from pages.components.words import plain, t

AT_ONCE = 3


def newest(run: Run) -> Verdict | None:
    """What was last said of a run. Raises NotFound where another version of Athanor said it."""
    return verdicts.newest(store(), run.id)


def offered(verdict: Verdict | None) -> list[Prescription]:
    """What may be shown of what is prescribed, best first."""
    return [] if verdict is None else sayable(verdict)


def launchable(verdict: Verdict | None) -> bool:
    """Whether there is anything to press."""
    return any(each.changes for each in offered(verdict))


def show(run: Run, prescriptions: Sequence[Prescription], bright: bool) -> None:
    """A row of them; the first button is the bright one on a page where nothing else is."""
    if not prescriptions:
        return
    record, first = track.tracks(advice.followed(store())), next((each for each in prescriptions if each.changes), None)
    with st.container(key="remedies"):
        columns = st.columns(AT_ONCE, gap="small")
        for column, each in zip(columns, prescriptions, strict=False):
            with column:
                _one(run, each, record, bright and each is first)


def _one(run: Run, prescription: Prescription, record: dict[str, track.Track], bright: bool) -> None:
    words = remedy(prescription, language())
    if not prescription.changes:
        st.page_link("data.py", label=words.label, icon=":material/visibility:", help=words.why)
        st.caption(words.why)
        return
    st.button(
        shown(prescription), key=f"try-{prescription.name}", type="primary" if bright else "secondary", width="stretch",
        help=f"**{words.label}**  \n{words.why}  \n{changed(prescription)}", on_click=attempt_to, args=(_follow, run.id, prescription.name),
    )  # fmt: skip
    time = figures.duration(track.seconds(run.summary, run.knobs["epochs"], prescription))
    effect, helped = track.expected(record, prescription.name, language())
    st.caption(f"{effect}  \n" + t("verdict.effect.and").join(part for part in (helped, t("verdict.effect.cost", time=time)) if part))


def shown(prescription: Prescription) -> str:
    """What the button says: the knob and its new value, where it is one knob or the level of augmentation."""
    values = {knob: to for knob, (_, to) in prescription.changes.items()}
    if set(values) <= set(catalog.AUGMENTATIONS) and len(values) > 1:
        level = max(catalog.LEVELS, key=lambda name: sum(catalog.AUGMENTATIONS[knob].levels[name] == to for knob, to in values.items()))
        return t("verdict.try.set", knob=t("knobs.augmentation.label"), value=t(f"knobs.augmentation.options.{level}"))
    if len(values) == 1:
        knob, to = next(iter(values.items()))
        return t("verdict.try.set", knob=t(f"knobs.{knob}.label"), value=value_label(knob, to))
    return remedy(prescription, language()).label


def changed(prescription: Prescription) -> str:
    """The knobs that are set: `Weight decay 0 → 0.01`."""
    moved = (f"{t(f'knobs.{knob}.label')} {value_label(knob, a)} → {value_label(knob, b)}" for knob, (a, b) in prescription.changes.items())
    return t("verdict.effect.list").join(moved)


def _follow(place: Store, number: int, prescription: str) -> None:
    child = launch.follow(place, number, prescription)
    show_run(child)
    form.take_over(runs.get(place, child))


def scored(run: Run) -> str:
    """Of a run that was prescribed: for which run, and what came of it; empty for others."""
    return plain(next((track.outcome(one, language()) for one in advice.followed(store(), run.id)), ""))
