"""What is said of a run, how that came about, and, apart, what the test pictures gave. Judges nothing."""

import streamlit as st

from engine.diagnosis.verdict import Verdict
from engine.diagnosis.words import explain
from engine.store import runs, verdicts
from engine.store.runs import Run
from engine.store.verdicts import Spell
from engine.strings import figures
from pages.components import situation, verdict_card
from pages.components.pulse import pulsing
from pages.components.state import language, store
from pages.components.verdict_card import COLOURS
from pages.components.words import plain, t


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
            verdict_card.say(now, now.run)
        _test(now.run)
    with right:
        _history(number)


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


def _spell(spell: Spell) -> None:
    verdict = Verdict.from_dict(spell.data)
    said = explain(verdict, language())
    when = t("run.verdict.epoch" if spell.first == spell.last else "run.verdict.epochs", first=spell.first, last=spell.last)
    tier = "" if verdict.tier is None else f", {t(f'verdict.tier.{verdict.tier}')}"
    with st.container(gap="xxsmall"):
        colour = COLOURS.get(verdict.name, "gray")
        st.markdown(f":{colour}-badge[{plain(said.title)}] &nbsp;:small[:gray[{when}{tier}]]")
        st.markdown(plain(said.sentence))
