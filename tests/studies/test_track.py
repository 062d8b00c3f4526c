"""The track record of prescriptions: which pairs count, when a mean is spoken of, and in which words."""

from dataclasses import dataclass, field
from itertools import count

import pytest

from engine.diagnosis import Prescription
from engine.statistics.means import mean
from engine.strings import LANGUAGES, figures, say
from engine.studies import track


@dataclass(frozen=True)
class Tried:
    """A pair: a run and the run that tried something on it."""

    gain: float
    prescription: str = "augment_more"
    comparable: bool = True
    before: float | None = 0.8
    pair: int = field(default_factory=count().__next__)

    @property
    def after(self) -> float:
        return 0.8 + self.gain


def pairs(*gains: float) -> list[Tried]:
    return [Tried(gain) for gain in gains]


def record(*gains: float) -> track.Track:
    return track.tracks(pairs(*gains))["augment_more"]


def test_a_pair_is_scored_by_the_difference_of_its_accuracies() -> None:
    assert track.score(Tried(0.03)) == pytest.approx(0.03)
    assert track.score(Tried(-0.03)) == pytest.approx(-0.03)


def test_what_has_not_come_to_its_end_has_no_score() -> None:
    assert track.score(Tried(0.03, comparable=False)) is None
    assert track.score(Tried(0.03, before=None)) is None
    assert track.tracks([Tried(0.03, comparable=False), Tried(0.03, before=None)]) == {}


def test_only_the_pairs_of_a_prescription_that_came_to_their_end_count() -> None:
    tried = [*pairs(0.02, 0.0, -0.01), Tried(0.5, comparable=False), Tried(0.04, "drop_more"), Tried(0.5, before=None)]
    found = track.tracks(tried)
    assert {name: (one.tried, one.helped) for name, one in found.items()} == {"augment_more": (3, 1), "drop_more": (1, 1)}
    assert found["augment_more"].effect.value == pytest.approx(0.01 / 3)
    assert found["augment_more"].effect.half == pytest.approx(mean([0.02, 0.0, -0.01]).half)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pairs", [1, 2, 4])
def test_below_five_pairs_it_is_a_rule_of_thumb(pairs: int, language: str) -> None:
    found = record(*[0.01 * k for k in range(pairs)])
    assert not found.measured
    assert found.effect_words(language) == say("verdict.effect.rule_of_thumb", language)


def test_from_five_on_the_mean_is_said_with_its_interval() -> None:
    found = record(0.01, 0.02, 0.03, 0.04, 0.05)
    assert found.measured
    half = 2.776 * 0.015811 / 5**0.5
    assert found.effect.half == pytest.approx(half, rel=1e-3)
    assert found.effect_words("en") == "+3.0 points (+1.0 to +5.0)"
    assert found.effect_words("zh") == "+3.0 个百分点（+1.0 至 +5.0）"


def test_what_does_harm_is_said_with_a_minus() -> None:
    assert record(-0.01, -0.02, -0.03, -0.04, -0.05).effect_words("en") == "−3.0 points (−5.0 to −1.0)"


def test_copies_of_a_pair_count_once_as_their_mean() -> None:
    copies = [Tried(gain, pair=-1) for gain in (0.01, 0.03, 0.02, 0.02, 0.02)]
    found = track.tracks(copies)["augment_more"]
    assert (found.tried, found.helped, found.effect.half) == (1, 1, None)
    assert found.effect.value == pytest.approx(0.02)
    assert track.expected(track.tracks(copies), "augment_more") == ("rule of thumb", "helped 1 of 1")
    both = track.tracks([*copies, *pairs(0.03, -0.01), Tried(0.5, "drop_more", pair=-1)])
    assert [(one.tried, one.helped) for one in both.values()] == [(3, 2), (1, 1)]
    assert both["augment_more"].effect.half == pytest.approx(mean([0.02, 0.03, -0.01]).half)


@pytest.mark.parametrize(("before", "gain"), [(0.8, 0.01), (0.8, 0.0), (0.7, 0.1)])
def test_where_nothing_varied_six_pairs_are_needed(before: float, gain: float) -> None:
    five, six = ([Tried(gain, before=before) for _ in range(n)] for n in (5, 6))
    assert track.expected(track.tracks(five), "augment_more") == ("rule of thumb", f"helped {5 * (0.8 + gain > before)} of 5")
    points = figures.gain_points(0.8 + gain - before)
    assert track.expected(track.tracks(six), "augment_more")[0] == f"{points} points ({points} to {points})"


def test_what_is_equal_but_for_rounding_has_not_varied() -> None:
    rounded = [Tried(before + 0.01 - 0.8, before=before) for before in (0.8, 0.7, 0.55, 0.3, 0.1)]
    assert len({track.score(one) for one in rounded}) > 1
    assert track.expected(track.tracks(rounded), "augment_more")[0] == "rule of thumb"


def test_what_is_expected_names_how_often_it_helped() -> None:
    found = track.tracks(pairs(0.01, -0.01))
    assert track.expected(found, "augment_more") == ("rule of thumb", "helped 1 of 2")
    assert track.expected(found, "augment_more", "zh") == ("经验之谈", "2 次中有效 1 次")
    assert track.expected(found, "drop_more") == ("rule of thumb", "")
    assert track.expected({}, "augment_more") == ("rule of thumb", "")


def test_the_time_follows_the_pace_of_the_run_and_the_cost_of_the_change() -> None:
    summary = {"epoch": 10, "seconds": 30.0}
    assert track.seconds(summary, 20, Prescription("augment_more", {}, 1.5)) == pytest.approx(3.0 * 20 * 1.5)
    assert track.seconds({"epoch": 0, "seconds": 0.5}, 20, Prescription("augment_more")) is None
    assert track.seconds({}, 20, Prescription("augment_more")) is None
    assert track.seconds({"epoch": 3, "seconds": None}, 20, Prescription("augment_more")) is None


def test_no_time_is_said_where_the_pace_is_that_of_a_part_of_the_network() -> None:
    once = {"epoch": 10, "seconds": 30.0, "stage": {"number": 1, "stages": 1, "computed": "once"}}
    assert track.seconds(once, 20, Prescription("drop_more", {"dropout": (0.1, 0.3)})) == pytest.approx(60.0)
    assert track.seconds(once, 20, Prescription("augment_more", {"rotation": (0.0, 5.0)})) is None
    first = {"epoch": 2, "seconds": 1.0, "stage": {"number": 1, "stages": 2, "computed": "once"}}
    assert track.seconds(first, 20, Prescription("drop_more", {"dropout": (0.1, 0.3)})) is None
