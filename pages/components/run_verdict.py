"""What is said of a run, how that came about, and, apart, what the test pictures gave. Judges nothing."""

import streamlit as st

from engine.diagnosis.verdict import Verdict
from engine.diagnosis.words import explain
from engine.store import records, runs, verdicts
from engine.store.runs import Run
from engine.store.verdicts import Spell
from engine.strings import figures
from engine.studies.evidence import evidence
from pages.components import charts, situation, verdict_card
from pages.components.pulse import pulsing
from pages.components.state import chart_colours, language, store
from pages.components.verdict_card import COLOURS
from pages.components.words import plain, t

# Pixels of a small picture.
EVIDENCE = 130


def show(run: Run) -> None:
    """Card and test on the left, the way there on the right."""
    if run.state.ended:
        _draw(run.id)
    else:
        _live(run.id)


@pulsing
def _live(number: int) -> None:
    _draw(number)


def _draw(number: int) -> None:
    now = situation.look(number)
    if now.run is None:
        return
    left, right = st.columns([46, 54], gap="large")
    with left:
        with st.container(border=True, key="verdict"):
            verdict_card.say(now, now.run, room=True)
        _test(now.run)
    with right:
        _history(number)
    _evidence(now.run)


def _test(run: Run) -> None:
    """The test result as what it is."""
    with st.container(key="test-result"):
        st.subheader(t("run.verdict.test"), anchor=False)
        result = runs.test_result(store(), run.id)
        if result is None:
            st.caption(t("run.verdict.test_never" if run.state.ended else "run.verdict.test_later"))
            return
        accuracy, loss = st.columns(2, wrap=False)
        accuracy.metric(t("run.verdict.test_accuracy"), figures.percent(result.accuracy))
        loss.metric(t("run.verdict.test_loss"), figures.loss(result.loss))
        st.caption(t("run.verdict.test_what", epoch=result.epoch, images=result.images))


def _history(number: int) -> None:
    """Each verdict that stood for a while, the newest first."""
    st.subheader(t("run.verdict.history"), anchor=False)
    spells = verdicts.spells(store(), number)
    if not spells:
        st.caption(t("run.verdict.history_none"))
    with st.container(gap="medium", key="verdict-history"):
        for spell in reversed(spells):
            _spell(spell)


def _evidence(run: Run) -> None:
    """What the rules look at, over the whole run, beside the limits at which it counts."""
    traced = evidence(run, records.curves(store(), run.id))
    if not traced:
        return
    colours = chart_colours()
    st.subheader(t("run.verdict.evidence"), anchor=False)
    with st.container(key="evidence"):
        for column, trace in zip(st.columns(len(traced), gap="large"), traced, strict=True):
            with column:
                st.markdown(t(f"run.verdict.trace.{trace.name}"), help=t(f"run.verdict.trace.{trace.name}_help"))
                columns = {name: getattr(trace, name) for name in ("value", "limit", "low", "high")}
                rows = charts.evidence_rows(trace.epoch.tolist(), columns)
                share = trace.name in ("gap", "calibration")
                figure = charts.evidence_figure(rows, (colours[charts.VALIDATION], colours[charts.AMBER]), share, EVIDENCE)
                st.altair_chart(figure, key=f"trace-{trace.name}", width="stretch")


def _spell(spell: Spell) -> None:
    verdict = Verdict.from_dict(spell.data)
    said = explain(verdict, language())
    when = t("run.verdict.epoch" if spell.first == spell.last else "run.verdict.epochs", first=spell.first, last=spell.last)
    tier = "" if verdict.tier is None else f" · {t(f'verdict.tier.{verdict.tier}')}"
    with st.container(gap="xxsmall"):
        colour = COLOURS.get(verdict.name, "gray")
        st.markdown(f":{colour}-badge[{plain(said.title)}] &nbsp;:small[:gray[{when}{tier}]]")
        st.markdown(plain(said.sentence))
