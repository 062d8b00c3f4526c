"""The saved runs of one dataset, accuracy against speed: which are drawn, which are not and why, which no other beats."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import catalog
from engine.store import overview
from engine.strings import figures
from engine.studies import tradeoff
from engine.studies.difference import same_validation
from engine.studies.tradeoff import Measured, Measurement, Way
from pages.components import form, model_charts, naming, overlay
from pages.components.state import RUN, link, on_phone, recall, store
from pages.components.words import t

# Pixels; on a phone the names of the architectures stand below.
HEIGHT, TALL = 240, 320
# Runs that are listed beside the picture.
LISTED = 6
DATASET, HOW = "measured-on", "measured-how"
# Stands for the form's dataset, whatever that is.
FORMS = ""
WORDS = ("across", "up", "run", "name", "architecture", "resolution", "batch")


def show() -> None:
    """The picture with its choices, or what it is for as long as nothing has been measured."""
    rows = overview.rows(store())
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(t("model.speed.title"), anchor=False, width="content")
        choices = st.container(horizontal=True, width="content", horizontal_alignment="right")
    dataset = _dataset(choices, tradeoff.datasets(rows))
    found = tradeoff.measured(rows, dataset)
    if found.ways:
        way = _how(choices, found)
        _picture(found.ways[way])
        _said(found, way)
    else:
        _empty(dataset, found.without)


def _dataset(place: DeltaGenerator, there: Sequence[str]) -> str:
    own = str(form.says(["dataset"])["dataset"])
    options = [FORMS, *(name for name in there if name != own)]
    chosen = recall(DATASET, options, FORMS)
    place.selectbox(
        t("model.speed.dataset"), options, options.index(chosen), key=DATASET, label_visibility="collapsed", width=200,
        format_func=lambda name: form.dataset_label(name or own),
    )  # fmt: skip
    link(DATASET, FORMS)
    return str(st.session_state[DATASET]) or own


def _how(place: DeltaGenerator, found: Measured) -> Way:
    """The way of computing whose runs are drawn; a choice where there are several."""
    usual = found.usual
    assert usual is not None
    ways = {way.word: way for way in sorted(found.ways)}
    chosen = recall(HOW, ways, usual.word)
    if len(ways) > 1:
        place.selectbox(
            t("model.speed.how"), list(ways), list(ways).index(chosen), key=HOW, label_visibility="collapsed", width=240,
            format_func=lambda word: t("model.speed.counted", how=_way(ways[word]), count=len(found.ways[ways[word]])),
        )  # fmt: skip
    link(HOW, usual.word)
    return ways[str(st.session_state[HOW])]


def _way(way: Way) -> str:
    key = "cuda" if way.device != "cpu" else "cpu" if way.cores == 1 else "cpu_cores"
    word = t(f"model.speed.{key}", cores=way.cores)
    return t("model.speed.exact", how=word) if way.exact else word


def _picture(drawn: Sequence[Measurement]) -> None:
    words = {name: t(f"model.speed.{name}") for name in WORDS}
    dots = model_charts.dots(drawn, naming.run_label)
    left, right = st.columns([70, 36], gap="large")
    with left, st.container(border=True, key="tradeoff"):
        narrow = on_phone()
        figure = model_charts.tradeoff_figure(dots, words, overlay.colours(len(drawn)), TALL if narrow else HEIGHT, narrow)
        st.altair_chart(figure, width="stretch", key="tradeoff-chart")
    with right:
        _listed(tradeoff.unbeaten(drawn))


def _listed(best: Sequence[Measurement]) -> None:
    st.markdown(f"**{t('model.speed.best')}**")
    with st.container(gap=None, key="unbeaten"):
        for one in best[:LISTED]:
            facts = {"accuracy": figures.percent(one.accuracy), "speed": figures.count(one.speed)}
            architecture = catalog.ARCHITECTURES[one.run.knobs["architecture"]].label
            label = t("model.speed.link", run=one.run.id, architecture=architecture, **facts)
            st.page_link("run.py", label=label, query_params={RUN: str(one.run.id)})
    if len(best) > LISTED:
        st.caption(t("model.speed.more", count=len(best) - LISTED))


def _said(found: Measured, way: Way) -> None:
    """What is drawn, what is not, and what to be careful of."""
    drawn = found.ways[way]
    others = sum(len(each) for each in found.ways.values()) - len(drawn)
    said = [t("model.speed.drawn", count=min(len(drawn), model_charts.MOST))]
    said += [t("model.speed.newest", count=model_charts.MOST)] if len(drawn) > model_charts.MOST else []
    said += [t("model.speed.otherwise", count=others)] if others else []
    said += [t("model.speed.unmeasured", count=found.without)] if found.without else []
    said += [] if same_validation([one.run.knobs for one in drawn]) else [t("model.speed.other_pictures")]
    st.caption(" ".join(said))


def _empty(dataset: str, without: int) -> None:
    """Before the first measured run: what will stand here, and where to begin."""
    with st.container(border=True, key="no-speeds"):
        st.markdown(f"**{t('model.speed.none', dataset=form.dataset_label(dataset))}**")
        st.caption(t("model.speed.none_how"))
        if without:
            st.caption(t("model.speed.unmeasured", count=without))
        st.page_link("playground.py", label=t("ui.compare.to_playground"), icon=":material/arrow_forward:")
