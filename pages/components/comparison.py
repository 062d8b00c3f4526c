"""The honest sentence: what two recipes show, how much of it the seeds alone make, and the button that queues the missing seeds."""

from collections.abc import Collection, Sequence

import streamlit as st

from engine.config import KNOBS
from engine.jobs import slots
from engine.statistics.means import SIGN_FLIP_LEAST
from engine.store.connect import Store
from engine.strings import figures
from engine.studies import contrast, seeds
from engine.studies.contrast import Contrast
from engine.studies.difference import differing, same_validation
from engine.studies.recipes import Recipe, Standing, standings
from engine.studies.seeds import Order
from pages.components import columns
from pages.components.knobs import value_label
from pages.components.pulse import attempt_to
from pages.components.state import RUN, compare_runs, compared_runs, forget_compared, store, was_deleted
from pages.components.words import filled, plain, t

PAIR = 2
# Runs with a link of their own, and numbers written out in a sentence.
MOST_WAYS, MOST_NAMED = 8, 20


def say_gone(known: Collection[int]) -> None:
    """Runs in the address that are no more leave it, with a sentence."""
    gone = [number for number in compared_runs() if number not in known]
    if gone:
        forget_compared(gone)
        unknown = [str(number) for number in gone if not was_deleted(number)]
        if unknown:
            st.warning(t("ui.compare.gone", runs=", ".join(unknown[:MOST_NAMED])), icon=":material/info:")


def sentence(chosen: Sequence[Recipe], labels: Sequence[str], runs: int) -> None:
    """What the chosen recipes show, on a card; `runs` is how many runs there are at all."""
    with st.container(border=True, key="sentence"):
        if len(chosen) == PAIR:
            _pair(contrast.find(*chosen), dict(zip((each.id for each in chosen), labels, strict=True)))
        elif len(chosen) > PAIR:
            _many(chosen, dict(zip((each.id for each in chosen), labels, strict=True)))
        elif chosen and len(chosen[0].runs) > 1:
            _one(chosen[0])
        else:
            st.markdown(f"**{t('compare.only_one') if runs == 1 else t('compare.choose')}**")
            st.caption(t("compare.only_one_how" if runs == 1 else "compare.choose_how"))
            if runs == 1:
                st.page_link("playground.py", label=t("ui.compare.to_playground"), icon=":material/arrow_forward:")


def _pair(found: Contrast, labels: dict[int, str]) -> None:
    orders = [] if found.target is None else seeds.plan(found.ahead, found.behind, found.target)
    said, button = st.columns([74, 26], gap="large", vertical_alignment="center") if orders else (st.container(), None)
    with said:
        st.markdown(f"**{_first(found, labels)}**")
        rest = _second(found, labels)
        if rest:
            st.markdown(rest)
    if button is not None:
        with button:
            _button(found, orders)


def ways(chosen: Sequence[int]) -> None:
    """A way to the page of each chosen run."""
    with st.container(horizontal=True, gap="medium", key="ways"):
        for run in chosen[:MOST_WAYS]:
            st.page_link("run.py", label=t("run.link", run=run), query_params={RUN: str(run)})


def _first(found: Contrast, labels: dict[int, str]) -> str:
    names = _names(found, labels)
    if found.kind in ("other_data", "nothing"):
        return t(f"compare.said.{found.kind}")
    if found.kind == "single":
        accuracies = {f"{side}_mean": figures.percent(_mean(getattr(found, side))) for side in names}
        return filled("compare.said.equal_single" if found.level else "compare.said.single", **names, **accuracies)
    if found.kind == "close":
        return filled(f"compare.said.{_seen(found)}", **names, **_counts(found), points=figures.points(found.detectable))
    return filled(f"compare.said.{found.kind}", **names, points=_points(found), interval=_interval(found))


def _seen(found: Contrast) -> str:
    """Which sentence says what could have been seen."""
    assert found.difference is not None
    return "close_early" if found.detectable is None else "close" if found.difference.paired else "close_unpaired"


def _names(found: Contrast, labels: dict[int, str]) -> dict[str, str]:
    return {"ahead": plain(labels[found.ahead.id]), "behind": plain(labels[found.behind.id])}


def _mean(recipe: Recipe) -> float | None:
    return None if recipe.estimate is None else recipe.estimate.value


def _points(found: Contrast) -> str:
    assert found.difference is not None
    return figures.points(found.difference.estimate.value)


def _counts(found: Contrast) -> dict[str, int]:
    return {"count": found.now, "one": len(found.ahead.by_seed), "other": len(found.behind.by_seed)}


def _interval(found: Contrast) -> str:
    """The interval of the difference, over how many seeds, and what their signs alone say."""
    assert found.difference is not None
    estimate = found.difference.estimate
    between = {"low": figures.signed_points(estimate.low or 0.0), "high": figures.signed_points(estimate.high or 0.0)}
    if found.signs is not None:
        return filled("compare.evidence.signs", **between, count=found.now, p=figures.p_value(found.signs))
    return filled("compare.evidence.paired" if found.difference.paired else "compare.evidence.unpaired", **between, **_counts(found))


def _second(found: Contrast, labels: dict[int, str]) -> str:
    """The evidence, and what it would take."""
    if found.difference is None or found.kind == "other_data":
        return ""
    if found.kind == "single":
        both = len(found.ahead.by_seed) == len(found.behind.by_seed) == 1
        return t("compare.evidence.one_each" if both else "compare.evidence.one_side")
    said = [_measured(found, labels)] if found.kind == "close" else []
    said.append(t("compare.evidence.spread", spread=figures.points(found.spread)))
    if found.kind == "close" and not found.level:
        takes = "compare.evidence.many" if found.seeds is None else "compare.evidence.takes"
        said.append(filled(takes, count=found.seeds or 0, points=_points(found)))
    return " ".join([*said, *_unequal(found)])


def _measured(found: Contrast, labels: dict[int, str]) -> str:
    """What came out where that is no evidence."""
    if found.level:
        return filled("compare.evidence.level", interval=_interval(found))
    name = "compare.evidence.uniform" if found.uniform else "compare.evidence.measured"
    return filled(name, **_names(found, labels), points=_points(found), interval=_interval(found), least=SIGN_FLIP_LEAST)


def _unequal(found: Contrast) -> list[str]:
    """That they were not computed alike, where it is so."""
    facts = [run.facts for side in (found.ahead, found.behind) for run in side.runs if run.facts.numerics]
    computed = {(str(each.numerics), each.summary.get("data_in")) for each in facts}
    return [t("compare.evidence.numerics")] if len(computed) > 1 else []


def _button(found: Contrast, orders: Sequence[Order]) -> None:
    fresh = len({order.seed for order in orders})
    label = t("compare.queue_seed" if fresh == 1 else "compare.queue_seeds", count=fresh)
    st.button(
        label, key="queue-seeds", type="primary", icon=":material/play_arrow:", width="stretch",
        on_click=attempt_to, args=(queue_and_choose, orders),
    )  # fmt: skip
    taken = seeds.seconds(orders, [found.ahead, found.behind])
    at_once = slots.count(store())
    time = "" if taken is None else t("compare.queue_time", time=figures.duration(taken / at_once))
    queued = t("compare.queue_run" if len(orders) == 1 else "compare.queue_runs", count=len(orders))
    st.caption(queued + time, text_alignment="center")


def queue_and_choose(store: Store, orders: Sequence[Order]) -> None:
    """Queue the seeds; they join the comparison at once."""
    compare_runs(list(dict.fromkeys([*compared_runs(), *seeds.queue(store, orders)])))


def _one(recipe: Recipe) -> None:
    seeds = {run.knobs["seed"] for run in recipe.runs}
    st.markdown(f"**{t('compare.only_seed') if len(seeds) > 1 else t('compare.same')}**")
    if recipe.estimate is not None and recipe.estimate.half is not None:
        mean, half = figures.percent(recipe.estimate.value), figures.points(recipe.estimate.half)
        st.markdown(t("compare.only_seed_mean", count=recipe.estimate.n, mean=mean, half=half))


def _many(chosen: Sequence[Recipe], labels: dict[int, str]) -> None:
    """How many are how far from the best of the chosen ones."""
    if not same_validation([each.knobs for each in chosen]):
        st.markdown(f"**{t('compare.said.other_data')}**")
        return
    found = standings(chosen)
    best = next((number for number, standing in found.items() if standing == "best"), None)
    counts = {name: _count(found, name) for name in ("close", "worse", "unknown")}
    if best is None:
        st.markdown(f"**{t('compare.many_unknown', count=len(chosen))}**")
    else:
        st.markdown(f"**{filled('compare.many', best=plain(labels[best]), count=len(chosen))}**")
        st.markdown(t("compare.many_counts", **counts))
    st.caption(t("compare.many_how"))


def _count(found: dict[int, Standing], wanted: Standing) -> int:
    return sum(standing == wanted for standing in found.values())


def differences(chosen: Sequence[Recipe], labels: Sequence[str], only_differing: bool) -> None:
    """The knobs of the chosen runs or recipes, a column each, and how long they took."""
    import pandas as pd

    if len(chosen) < PAIR:
        return
    several = any(len(each.runs) > 1 for each in chosen)
    names = [name for name in (differing([each.knobs for each in chosen]) if only_differing else KNOBS) if name != "seed" or not several]
    if not names:
        return
    st.subheader(t("ui.compare.what_differs" if only_differing else "ui.compare.what_is"), anchor=False)
    rows = {columns.column_word(name): [value_label(name, each.knobs.get(name)) for each in chosen] for name in names}
    rows[columns.column_word("seconds")] = [figures.duration(each.mean_of("seconds")) for each in chosen]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=pd.Index([str(place) for place in range(len(chosen))]))
    heads = {str(place): label for place, label in enumerate(labels)}
    st.dataframe(frame, key="differences", height="content", column_config={"_index": " ", **heads}, alt=t("ui.compare.what_differs"))
