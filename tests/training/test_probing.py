"""What is measured before a launch: bit for bit what can be counted, and bounds for what can only be timed."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.config import RunConfig
from engine.data.arrivals import Arrivals, Late
from engine.data.sample import Counts, outline, sample
from engine.errors import BadKnob, DataError
from engine.training import evaluation, footprint, probing
from engine.training.facts import facts, flops, kept_for_backward
from engine.training.footprint import Peak, free
from engine.training.numerics import choose
from engine.training.probing import Probe, epoch_seconds, line, probe
from engine.training.rehearsal import Unwanted
from tests.training.short_runs import network, settings

MB = 2**20


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals([tmp_path / "data"], tmp_path / "cache")


@pytest.fixture(autouse=True)
def _in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on what else this machine does."""
    for name in ("DATA", "STEP", "LONGEST"):
        monkeypatch.setattr(probing, name, 60.0)


def measure(config: RunConfig, arrivals: Arrivals, wanted: Callable[[], bool] = lambda: True) -> Probe:
    return probe(config, arrivals, choose(config, cores=1), wanted)


def test_parameters_are_those_of_the_network() -> None:
    config = settings(architecture="resnet18", width=0.25)
    assert facts(config, 1, 10).parameters == sum(p.numel() for p in network(config).parameters())


@pytest.mark.parametrize(("last", "separable"), [(1, True), (2, False)])
def test_facts_say_whether_the_frozen_layers_come_to_an_end_before_the_others(last: int, separable: bool) -> None:
    config = settings(architecture="resnet18", width=0.25, plan="last_then_all", stage1_epochs=1, last_layers=last)
    assert facts(config, 1, 10).separable is separable


IMAGENET = {"width": 1.0, "weights": "imagenet", "plan": "last"}


@pytest.mark.parametrize(
    ("knobs", "layer"),
    [
        ({"architecture": "resnet18", "resolution": 32}, 1),
        ({"architecture": "densenet121", "resolution": 63}, 1),
        ({"architecture": "convnext_tiny", "resolution": 32, "plan": "all", "frozen_layers": 1}, 1),
        ({"architecture": "resnet18", "resolution": 32, "pooling": "compact_bilinear"}, 1),
        ({"architecture": "vgg11", "resolution": 128}, 9),  # the first of its head, which reads a smaller map than the published one
    ],
)
def test_facts_refuse_what_would_freeze_a_layer_that_imagenets_weights_do_not_fit(knobs: dict[str, object], layer: int) -> None:
    with pytest.raises(BadKnob) as refused:
        facts(settings(**IMAGENET | knobs), 1, 10)
    key = "errors.frozen_as_drawn" if "frozen_layers" in knobs else "errors.drawn_before_last"
    assert (refused.value.key, refused.value.fields["layer"]) == (key, layer)


@pytest.mark.parametrize("knobs", [{"plan": "all"}, {"plan": "last_then_all", "stage1_epochs": 1}])
def test_facts_refuse_to_keep_norms_that_came_with_nothing(knobs: dict[str, object]) -> None:
    kept = IMAGENET | {"architecture": "resnet18", "frozen_norm": "on"} | knobs
    with pytest.raises(BadKnob) as refused:
        facts(settings(**kept, resolution=32), 1, 10)
    assert (refused.value.key, refused.value.fields["knob"]) == ("errors.norm_as_drawn", "frozen_norm")
    assert facts(settings(**kept, resolution=64), 1, 10).parameters > 0


@pytest.mark.parametrize(
    ("knobs", "drawn"),
    [
        ({"resolution": 32}, 1),
        ({"resolution": 64}, None),
        ({"resolution": 32, "weights": "none"}, None),
        ({"resolution": 32, "plan": "all"}, None),
    ],
)
def test_facts_name_a_layer_that_stays_as_it_was_drawn_in_the_first_stage(knobs: dict[str, object], drawn: int | None) -> None:
    config = settings(**IMAGENET | {"architecture": "resnet18", "plan": "last_then_all", "stage1_epochs": 1} | knobs)
    assert facts(config, 1, 10).drawn == drawn


@pytest.mark.parametrize(
    "knobs",
    [
        {"architecture": "resnet18", "resolution": 64},
        {"architecture": "resnet18", "resolution": 32, "weights": "run:1"},
        {"architecture": "resnet18", "resolution": 32, "plan": "last_then_all", "stage1_epochs": 1},
        {"architecture": "mobilenet_v3_small", "resolution": 32},
        {"architecture": "efficientnet_lite0", "resolution": 16},
        {"architecture": "vgg11", "resolution": 32, "last_layers": 3},
        {"architecture": "vgg11", "resolution": 224},
    ],
)
def test_facts_allow_to_freeze_what_the_weights_fit(knobs: dict[str, object]) -> None:
    assert facts(settings(**IMAGENET | knobs), 1, 10).parameters > 0


@pytest.mark.parametrize(
    ("knobs", "built", "refused"),
    [({"plan": "all"}, False, False), ({"plan": "last_then_all", "stage1_epochs": 1}, True, False), ({}, True, True)],
)
def test_the_published_shapes_are_asked_for_only_where_something_is_frozen(
    knobs: dict[str, object], built: bool, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("engine.training.facts._published", lambda architecture: asked.append(architecture) or {})
    config = settings(**IMAGENET | {"architecture": "resnet18", "resolution": 64} | knobs)
    with pytest.raises(BadKnob) if refused else nullcontext():
        facts(config, 1, 10)
    assert asked == ["resnet18"] * built


def test_flops_of_a_small_network_are_those_counted_by_hand() -> None:
    small = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 10))
    assert flops(small, torch.zeros(1, 3, 8, 8)) == 2 * (8 * 8 * 4 * 3 * 9 + 4 * 8 * 8 * 10)


def test_what_is_kept_for_the_backward_pass_is_at_least_what_the_convolutions_read() -> None:
    config = settings(width=1.0, resolution=32)  # LeNet: 1 x 32 x 32, then 6 x 14 x 14
    kept = kept_for_backward(config, 1, 10)
    assert 4 * (32 * 32 + 6 * 14 * 14) < kept < 4 * 40_000


def test_facts_take_no_memory_and_draw_nothing() -> None:
    before = torch.get_rng_state()
    facts(RunConfig.from_flat({"architecture": "vgg16", "resolution": 224}), 3, 1000)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_line_goes_through_both_points_unless_an_image_would_cost_nothing() -> None:
    assert line((2, 120.0), (4, 140.0), 1.0) == (100.0, 10.0)
    assert line((4, 140.0), (2, 120.0), 1.0) == (100.0, 10.0)
    assert line((2, 120.0), (4, 110.0), 5.0) == (90.0, 5.0)
    assert line((4, 120.0), (4, 110.0), 5.0) == (100.0, 5.0)


def test_an_epoch_is_training_and_two_evaluations() -> None:
    seconds, share = epoch_seconds(Counts(1000, 200, 100), 500.0, 800.0)
    assert (seconds, share) == (2.5, 0.2)
    assert epoch_seconds(None, 500.0, 800.0) == (None, None)


def test_the_peak_is_seen_though_the_memory_is_free_again() -> None:
    with Peak("cpu") as peak:
        torch.ones(16 * MB).sum()
    assert 60 * MB < peak.bytes < 80 * MB
    assert free("cpu") > 0


def test_the_peak_is_seen_where_the_kernel_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.training.footprint.MARK", tmp_path / "none" / "clear_refs")
    with Peak("cpu") as peak:
        held = torch.ones(64 * MB, dtype=torch.uint8)
        for _ in range(20):
            held.add_(1)
    assert 60 * MB < peak.bytes < 90 * MB


def test_what_is_done_aside_does_not_count() -> None:
    with Peak("cpu") as peak:
        torch.ones(8 * MB).sum()
        with peak.aside():
            kept = torch.ones(64 * MB)
        torch.ones(4 * MB).sum()
    assert 30 * MB < peak.bytes < 64 * MB  # 256 MB aside; of the first 32 the allocator may keep what was freed
    assert len(kept) == 64 * MB


@pytest.mark.parametrize("cached", ["inactive_file", "total_inactive_file"])
def test_a_container_leaves_its_limit_less_what_its_kernel_would_not_take_back(
    cached: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = footprint.Group(tmp_path / "limit", tmp_path / "used", tmp_path / "stat", cached)
    monkeypatch.setattr(footprint, "GROUPS", (group,))
    unlimited = free("cpu")
    group.stat.write_text(f"anon 17\n{cached} {500 * MB}\n")
    group.used.write_text(f"{900 * MB}\n")
    group.limit.write_text("max\n")
    assert free("cpu") == pytest.approx(unlimited, rel=0.1)
    group.limit.write_text(f"{1000 * MB}\n")
    assert free("cpu") == 600 * MB - footprint.RESERVE_LEAST


def test_digits_are_measured_on_themselves(arrivals: Arrivals) -> None:
    arrivals.within(60.0, settings().data)
    config = settings(precision="auto", batch_size=64, epochs=3)
    found = measure(config, arrivals)
    print(f"\nprobe of digits: {found.took:.2f} s, {found.speed.measured:.0f} images/s, {found.memory.peak / MB:.1f} MB")
    assert (found.data, found.batch, found.speed.batch) == ("real", 64, 64)
    assert found.counts == Counts(1222, 306, 269)
    assert found.parameters == facts(config, 1, 10).parameters
    assert {(one.precision, one.channels_last) for one in found.candidates} == {(p, c) for p in ("fp32", "bf16") for c in (True, False)}
    assert [one.chosen for one in found.candidates] == [True, False, False, False]
    assert found.candidates[found.fastest].images_per_second == max(one.images_per_second for one in found.candidates)
    assert found.candidates[0].images_per_second == found.speed.measured == found.speed.expected
    assert found.memory.measured
    assert found.memory.largest_batch == 8192
    assert found.elsewhere >= 0
    assert found.speed.seconds == pytest.approx(3 * (found.speed.epoch_seconds or 0) + 269 / found.speed.evaluated)


@pytest.mark.slow
def test_memory_grows_with_the_batch_as_the_line_says(arrivals: Arrivals) -> None:
    arrivals.within(60.0, settings().data)
    wide = {"architecture": "resnet18", "width": 0.25, "precision": "auto"}
    small, large = (measure(settings(**wide, batch_size=size), arrivals) for size in (16, 256))
    training = small.memory.fixed + 256 * small.memory.per_image
    assert large.memory.peak == pytest.approx(max(training, large.memory.evaluation), rel=0.6)
    assert large.memory.peak > small.memory.per_image * 256 * 0.5


@pytest.mark.slow
def test_nothing_of_the_process_is_changed(arrivals: Arrivals) -> None:
    torch.set_num_threads(2)
    measure(settings(precision="exact"), arrivals)
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
def test_the_exact_setting_is_measured_but_no_candidate(arrivals: Arrivals) -> None:
    found = measure(settings(precision="exact"), arrivals)
    assert found.numerics["deterministic"]
    assert not any(one.chosen for one in found.candidates)
    assert found.speed.measured > 0


@pytest.mark.slow
def test_pictures_that_are_not_here_are_made_up_and_it_says_so(arrivals: Arrivals) -> None:
    found = measure(settings(dataset="cifar10"), arrivals)
    assert (found.data, found.counts, found.speed.seconds) == ("synthetic", None, None)
    assert found.parameters == facts(settings(), 3, 10).parameters
    assert not list(arrivals.roots[0].glob("*"))


def test_of_a_folder_that_is_still_read_the_names_are_known(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "dog", "emu"):
        (arrivals.roots[0] / "pets" / name).mkdir(parents=True)
        for number in range(20):
            (arrivals.roots[0] / "pets" / name / f"{number}.png").touch()
    config = settings(dataset="pets").data

    def late(seconds: float, wanted: object) -> None:
        raise Late("servant.pictures_late", name="pets")

    monkeypatch.setattr(arrivals, "within", late)
    assert outline(config, arrivals, 0.0).classes == 3
    found = sample(config, arrivals, 0.0, "cpu")
    assert (found.real, found.outline.counts) == (False, Counts(41, 10, 9))


def test_a_missing_folder_is_an_error(arrivals: Arrivals) -> None:
    with pytest.raises(DataError, match="nowhere"):
        measure(settings(dataset="nowhere"), arrivals)


def after(count: int) -> Callable[[], bool]:
    """Says yes so many times."""
    answers = iter([True] * count)
    return lambda: next(answers, False)


def test_nobody_measures_what_nobody_waits_for(arrivals: Arrivals) -> None:
    with pytest.raises(Unwanted):
        measure(settings(), arrivals, after(3))


@pytest.mark.slow
def test_a_step_that_takes_long_is_timed_on_fewer_pictures(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals.within(60.0, settings().data)
    monkeypatch.setattr(probing, "STEP", 1e-9)
    found = measure(settings(batch_size=64), arrivals)
    assert (found.batch, found.speed.batch, found.memory.measured) == (64, 2, False)
    assert found.speed.expected > 0


@pytest.mark.slow
def test_memory_that_is_short_is_not_exceeded(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals.within(60.0, settings().data)
    monkeypatch.setattr("engine.training.footprint.free", lambda device: 3 * MB)
    found = measure(settings(batch_size=512, architecture="resnet18", width=0.25), arrivals)
    assert found.speed.batch < 512
    assert found.memory.largest_batch < 512


@pytest.mark.slow
def test_what_is_kept_in_a_second_stage_counts_where_it_is_more(arrivals: Arrivals) -> None:
    config = settings(resolution=32, width=1.0, plan="last_then_all", stage1_epochs=1, frozen_layers=2)
    arrivals.within(60.0, config.data)
    assert measure(config, arrivals).memory.features == 4 * 400 * (1222 + 306)  # 84 numbers in the first stage


@pytest.mark.slow
def test_every_replica_holds_a_chunk_in_evaluation(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals.within(60.0, settings().data)
    monkeypatch.setattr(evaluation, "CPU_CHUNK", 64 * 16**2)
    points: list[tuple[int, int]] = []

    def noted(one: tuple[int, float], other: tuple[int, float], least: float) -> tuple[float, float]:
        points.append((one[0], other[0]))
        return 0.0, 1e6

    monkeypatch.setattr(probing, "line", noted)
    config, measured = settings(precision="auto"), []
    for replicas in (1, 3):
        found = probe(config, arrivals, replace(choose(config, 1), replicas=replicas))
        measured.append((found.memory.evaluation, points[-1]))
    (alone, one), (beside, three) = measured
    assert (one, three) == ((64, 64), (64, 192))  # of evaluations of 64 and 256 pictures
    assert beside - alone == 1e6 * (3 - 1) * 64


@pytest.mark.slow
def test_what_frozen_layers_make_of_all_pictures_is_held_beside_evaluation(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    """128 channels make 16,384 products: 100 MB for 1,528 pictures, beside which the rest of this run is small."""
    monkeypatch.setattr(evaluation, "CPU_PRODUCTS", 4 * 128**2)
    arrivals.within(60.0, settings().data)
    frozen = {"architecture": "resnet18", "width": 0.25, "pooling": "bilinear", "plan": "last", "batch_size": 4}
    kept = measure(settings(**frozen), arrivals).memory
    assert kept.features == 4 * 128**2 * (1222 + 306)
    assert kept.peak == kept.evaluation > kept.features
    varied = measure(settings(**frozen, rotation=10.0), arrivals).memory
    assert varied.features == 0
    assert varied.peak < kept.features


def test_candidates_without_time_are_named(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LONGEST", 0.0)
    found = measure(settings(precision="auto"), arrivals)
    assert (len(found.candidates), len(found.left_out)) == (1, 3)
