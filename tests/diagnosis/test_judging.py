"""Golden histories: what is said, how surely, since when, and that it was said then too."""

from dataclasses import replace

import numpy as np
import pytest

from engine.diagnosis import Known, Yardstick, alarms, case, judge
from tests.diagnosis import golden


def alarm(history):
    return alarms(history).overfitting


@pytest.mark.parametrize(
    ("history", "name", "tier"),
    [
        ("healthy", "healthy", None),
        ("learning rate step", "healthy", None),
        ("overfitting", "overfitting", "medium"),
        ("overfitting seen in pictures", "overfitting", "strong"),
        ("watch", "watch", "weak"),
        ("diverged by nan", "diverged", "certain"),
        ("diverged by blow-up", "diverged", "certain"),
        ("collapsed", "diverged", "strong"),
        ("not learning", "not_learning", "strong"),
        ("generalisation gap", "generalisation_gap", "medium"),
        ("underfitting", "underfitting", "medium"),
        ("room unknown", "underfitting", "weak"),
        ("too early", "too_early", None),
        ("overconfident", "overconfident", "medium"),
        ("memorising", "memorising", "strong"),
        ("names mixed up", "data_suspect", "strong"),
        ("twins", "data_suspect", "strong"),
        ("near twins", "data_suspect", "strong"),
        ("undertrained", "undertrained", "medium"),
        ("unstable", "unstable", "medium"),
        ("unstable beside others", "unstable", "medium"),
        ("plateau", "plateau", "medium"),
        ("pictures not counted", "overfitting", "medium"),
    ],
)
def test_a_known_shape_gets_its_name_and_tier(history, name, tier):
    verdict = judge(golden.GOLDEN[history])
    assert (verdict.name, verdict.tier) == (name, tier)


def test_overfitting_is_said_soon_after_it_begins_and_dated_to_its_beginning():
    verdict = judge(golden.overfit(after=25))
    assert 20 <= verdict.best_epoch <= 29
    assert 26 <= verdict.since_epoch <= 34
    assert verdict.since_epoch + 2 <= alarm(golden.overfit(after=25)) <= 37


@pytest.mark.parametrize("seed", range(40))
def test_a_tiny_validation_set_is_never_called_overfitting(seed):
    history = golden.tiny_validation(seed)
    assert alarm(history) is None
    verdict = judge(history)
    assert verdict.name != "overfitting"
    assert "low_evidence" in verdict.modifiers and verdict.tier in (None, "weak")


def test_low_evidence_caps_a_confirmed_overfitting_at_weak():
    history = replace(golden.overfit(), pictures=golden.pictures(**golden.WORSE), n_val=100)
    verdict = judge(history)
    assert (verdict.name, verdict.tier) == ("overfitting", "weak")
    assert "precision" in [one.name for one in verdict.evidence[:3]]


@pytest.mark.parametrize("name", golden.GOLDEN)
def test_the_first_alarm_is_the_first_prefix_that_was_called_overfitting(name):
    history = golden.GOLDEN[name]
    first, n = alarm(history), len(history.val_loss)
    said = [k for k in range(1, n + 1) if judge(replace(golden.prefix(history, k), pictures=None)).name == "overfitting"]
    assert (said[0] if said else None) == first


@pytest.mark.parametrize("name", ["overfitting", "healthy", "generalisation gap"])
def test_a_prefix_is_judged_as_if_the_rest_had_never_been(name):
    history = golden.GOLDEN[name]
    wild = replace(history, val_loss=[*history.val_loss[:35], *[99.0] * 5], probe_loss=[*history.probe_loss[:35], *[0.0] * 5])
    assert judge(golden.prefix(history, 35)) == judge(golden.prefix(wild, 35))


def test_since_stays_while_the_verdict_stays():
    history = golden.overfit()
    since = {judge(golden.prefix(history, k)).since_epoch for k in range(alarm(history), 61)}
    assert len(since) == 1


def test_one_bad_epoch_or_two_say_nothing():
    history = golden.healthy()
    for at in range(15, 40):
        spiked = list(history.val_loss)
        spiked[at : at + 2] = [5.0] * len(spiked[at : at + 2])
        for k in range(at + 1, len(spiked) + 1):
            assert judge(golden.prefix(replace(history, val_loss=spiked), k)).name in ("healthy", "too_early")


def test_a_verdict_is_taken_back_only_after_twice_the_hold():
    history = golden.overfit(n=40)
    better = replace(
        history,
        val_loss=[*history.val_loss, *[0.40] * 15],
        **{s: [*said, *[said[-1]] * 15] for s in golden.SERIES if s != "val_loss" and len(said := getattr(history, s))},
    )
    names = [judge(golden.prefix(better, k)).name for k in range(40, 56)]
    assert names[0] == "overfitting" and names[-1] != "overfitting"
    gone = names.index(next(name for name in names if name != "overfitting"))
    assert 6 <= gone <= 9
    assert "easing" in judge(golden.prefix(better, 40 + gone - 1)).modifiers


def test_a_loss_that_is_no_number_is_said_from_the_first_epoch_on():
    assert judge(golden.prefix(golden.diverged_nan(at=1), 1)).name == "diverged"
    verdict = judge(golden.diverged_nan(at=12))
    assert (verdict.since_epoch, verdict.epoch) == (12, 20)


def test_a_missing_number_is_not_a_broken_one():
    history = golden.healthy()
    gaps = [None if k % 3 == 1 else value for k, value in enumerate(history.val_loss)]
    assert judge(replace(history, val_loss=gaps)).name == "healthy"


def test_without_a_probe_nothing_is_claimed():
    assert judge(replace(golden.overfit(), probe_loss=[None] * 60)).name == "too_early"


def test_too_early_lasts_a_tenth_of_the_plan():
    history = replace(golden.flat_at_chance(), planned_epochs=150)
    assert judge(golden.prefix(history, 14)).name == "too_early"
    assert judge(golden.prefix(history, 15)).name != "too_early"


def test_not_learning_waits_for_a_fifth_of_the_plan():
    history = replace(golden.flat_at_chance(), planned_epochs=60)
    assert judge(golden.prefix(history, 11)).name != "not_learning"
    assert judge(golden.prefix(history, 12)).name == "not_learning"


def first_diverged(history):
    return next(k for k in range(1, 31) if judge(golden.prefix(history, k)).name == "diverged")


def test_blow_up_is_said_after_three_epochs():
    assert first_diverged(golden.diverged_blow_up(at=20)) == 22


def test_what_blew_up_in_its_first_epoch_is_said_early_though_its_loss_comes_down():
    never_knew_more = 5 + 20 * np.exp(-golden.epochs(30) / 4)
    assert first_diverged(golden.run(never_knew_more, never_knew_more)) == 3
    guesses_badly = 1.5 * golden.CHANCE * np.exp(-golden.epochs(30) / 30)
    assert judge(golden.prefix(golden.run(guesses_badly, guesses_badly), 5)).name == "too_early"


def test_a_collapse_is_said_at_its_third_epoch_with_and_without_known_classes():
    collapsed = golden.collapsed(at=30)
    for history in (collapsed, replace(collapsed, class_counts=())):
        assert judge(golden.prefix(history, 31)).name == "healthy"
        assert judge(golden.prefix(history, 32)).evidence[0].name == "collapse"
    burst = replace(golden.diverged_blow_up(at=20), class_counts=())
    assert judge(burst).name == "diverged"


def test_a_restart_of_the_rate_is_no_collapse():
    cycles = 0.1 + 0.8 * (1 - (golden.epochs(60) % 20) / 20) * np.exp(-golden.epochs(60) / 40)
    assert "diverged" not in {judge(golden.prefix(golden.run(cycles, cycles), k)).name for k in range(1, 61)}


@pytest.mark.parametrize("counts", [(900, 100), (1940, 60)])
def test_uneven_classes_do_not_make_a_slow_start_a_broken_one(counts):
    slow = golden.noisy(np.linspace(0.693, 0.60, 20), 0.002)
    verdict = judge(golden.run(slow, slow, 0.5, 0.5, class_counts=counts, planned_epochs=0))
    assert verdict.name != "diverged"


def test_a_confirmed_overfitting_stays_while_its_signal_holds():
    confirmed = judge(golden.GOLDEN["overfitting seen in pictures"])
    doubtful = replace(golden.GOLDEN["overfitting seen in pictures"], pictures=golden.pictures(), probe_accuracy=[0.85] * 60)
    assert judge(doubtful).name == "watch"
    assert judge(doubtful, confirmed).name == "overfitting"


def test_each_confirmation_alone_is_enough():
    base = golden.watched()
    assert judge(replace(base, pictures=golden.pictures(turned_wrong=60, turned_right=20))).name == "overfitting"
    assert judge(replace(base, pictures=golden.pictures(paired_z=30.0))).name == "overfitting"
    assert judge(replace(base, probe_accuracy=[1.0] * 60, val_accuracy=[0.8] * 60)).name == "overfitting"


@pytest.mark.slow
@pytest.mark.parametrize("name", golden.GOLDEN)
def test_what_is_known_of_earlier_epochs_changes_no_verdict(name):
    history, known = golden.GOLDEN[name], Known()
    for k in range(1, len(history.val_loss) + 1):
        short = golden.prefix(history, k)
        assert judge(short, known=known) == judge(short)


LONG = {
    "healthy": golden.healthy(1000),
    "overfitting": golden.overfit(1000, after=400),
    "generalisation gap": golden.gap_without_rise(1000),
    "underfitting": golden.underfit(1000),
    "tiny validation": golden.tiny_validation(3, 1000),
    "overconfident": golden.overconfident(1000),
    "memorising": golden.by_heart(1000),
    "names mixed up": golden.mixed_up(1000),
    "undertrained": golden.undertrained(1000),
    "unstable": golden.unstable(1000),
    "plateau": golden.flat(1000),
    "diverged": golden.diverged_blow_up(1000, at=700),
    "a gap in the record": replace(golden.unstable(1000), probe_loss=[*golden.unstable(500).probe_loss, *[None] * 100, *[0.5] * 400]),
}


@pytest.mark.parametrize("history", LONG.values(), ids=LONG)
def test_after_a_thousand_epochs_what_is_known_changes_no_verdict_either(history):
    known = Known()
    for k in (1, 2, 3, 7, 250, 251, 252, 500, 699, 703, 998, 999, 1000):
        short = golden.prefix(history, k)
        assert judge(short, known=known) == judge(short)


@pytest.mark.parametrize("block", [1, 7, 40])
def test_rows_are_computed_in_blocks_to_the_same_end(monkeypatch, block):
    whole = {name: (judge(history), alarms(history)) for name, history in golden.GOLDEN.items()}
    monkeypatch.setattr(case, "BLOCK", block)
    assert {name: (judge(history), alarms(history)) for name, history in golden.GOLDEN.items()} == whole
    for name, history in golden.GOLDEN.items():
        known = Known()
        judge(golden.prefix(history, 20), known=known)
        assert judge(history, known=known) == whole[name][0]


def test_after_a_drop_of_the_rate_a_rise_must_last_twice_as_long():
    history = golden.overfit(n=60, after=25)
    first = alarm(history)
    dropped = replace(history, learning_rate=[1e-3] * (first - 2) + [1e-4] * (62 - first))
    assert alarm(dropped) > first
    assert "rate_dropped" in judge(golden.prefix(dropped, first)).modifiers


def test_of_uneven_classes_the_mean_over_them_counts():
    counts = (900, 100)
    lazy = replace(golden.run(np.full(30, 0.33), np.full(30, 0.33), 0.9, 0.9), class_counts=counts)
    seen = replace(lazy, val_balanced=[0.5] * 30, probe_balanced=[0.5] * 30)
    assert "imbalanced" in judge(seen).modifiers
    assert judge(seen).name == "not_learning"


def test_the_end_of_the_plan_is_needed_to_call_a_run_undertrained():
    assert judge(replace(golden.undertrained(), planned_epochs=60)).name != "undertrained"


def test_flat_curves_at_a_decayed_rate_are_no_plateau():
    rate = [1e-3 * (1 + np.cos(np.pi * k / 60)) / 2 for k in range(60)]
    assert judge(replace(golden.flat(), learning_rate=rate)).name == "healthy"


def test_noise_is_held_against_that_of_other_runs():
    jumpy = list(golden.noisy(np.array(golden.healthy().val_loss), 0.09))
    calm = replace(golden.healthy(), yardstick=Yardstick(noise=1e-4), val_loss=jumpy)
    assert judge(calm).name == "unstable"
    assert judge(replace(calm, yardstick=Yardstick(noise=0.2))).name == "healthy"


def test_noise_below_a_fiftieth_of_chance_is_nothing_whatever_other_runs_have():
    quiet = list(golden.noisy(np.array(golden.healthy().val_loss), 0.03))
    assert judge(replace(golden.healthy(), yardstick=Yardstick(noise=1e-4), val_loss=quiet)).name == "healthy"


def test_accuracy_lost_while_all_is_learned_by_heart_points_at_the_labels():
    history = golden.overfit()
    accuracy = [*history.val_accuracy[:25], *np.linspace(0.84, 0.78, 35)]
    said = judge(replace(history, val_accuracy=accuracy, pictures=golden.pictures(turned_wrong=160, turned_right=40, paired_z=30.0)))
    assert (said.name, "noisy_labels" in said.modifiers) == ("overfitting", True)
    assert "noisy_labels" not in judge(golden.GOLDEN["overfitting seen in pictures"]).modifiers


def test_curves_of_uncounted_pictures_are_judged_by_their_loss():
    history = replace(golden.overfit(), n_val=None, n_probe=None)
    assert (judge(history).name, judge(history).tier) == ("overfitting", "medium")
    assert judge(replace(golden.gap_without_rise(), n_val=None, n_probe=None)).name != "generalisation_gap"
