"""How a run computes: what is chosen, and that it is kept."""

import copy
import dataclasses

import pytest
import torch

from engine.catalog import ARCHITECTURES
from engine.config import RunConfig
from engine.errors import BadKnob
from engine.training.evaluation import evaluate
from engine.training.numerics import Numerics, choose
from tests.training.short_runs import begin, digits, network, settings


def chosen(**knobs: object) -> Numerics:
    return choose(RunConfig.from_flat({"device": "cpu"} | knobs), cores=3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exact_is_plain(name: str) -> None:
    threads = 1 if ARCHITECTURES[name].replicas else 3
    expected = Numerics("cpu", threads, "fp32", channels_last=False, deterministic=True, fused=False)
    assert chosen(architecture=name, precision="exact") == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("able", [True, False])
def test_auto_takes_bf16_where_the_processor_has_it(name: str, able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    numerics = chosen(architecture=name)
    assert numerics.precision == (ARCHITECTURES[name].precision if able else "fp32")
    assert numerics.channels_last
    assert not numerics.deterministic
    assert (numerics.threads, numerics.replicas) == ((1, 3) if ARCHITECTURES[name].replicas else (3, 1))


def test_cuda_that_is_not_there_is_refused_and_auto_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadKnob) as refused:
        chosen(device="cuda")
    assert refused.value.key == "errors.no_cuda"
    assert refused.value.fields == {"knob": "device", "value": "cuda", "allowed": "auto, cpu"}
    assert chosen(device="auto").device == "cpu"


def test_comes_back_from_what_is_stored() -> None:
    numerics = chosen(architecture="vgg11")
    assert Numerics.from_dict(numerics.as_dict()) == numerics


def test_apply_sets_the_process() -> None:
    chosen(architecture="vgg11", precision="exact").apply()
    assert torch.get_num_threads() == 3
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cuda.matmul.allow_tf32
    chosen(precision="auto").apply()
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_model_takes_the_layout() -> None:
    training = begin(settings(precision="auto", architecture="resnet18"), digits())
    weight = training.model.get_parameter("layer1.0.conv1.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_depthwise_convolutions_stay_in_fp32_where_that_is_asked_and_only_there() -> None:
    config = settings(architecture="mobilenet_v2", width=0.25)
    numerics, model = chosen(architecture="mobilenet_v2"), network(config).eval()
    pictures, seen = torch.rand(2, 1, 16, 16), dict[str, set[torch.dtype]]()
    for precision in ("bf16", "bf16_dense", "bf16"):
        asked = dataclasses.replace(numerics, precision=precision)
        placed = copy.deepcopy(asked.place_model(model))
        for layer in placed.modules():
            if isinstance(layer, torch.nn.Conv2d):
                kind = "depthwise" if layer.groups > 1 else "dense"
                layer.register_forward_hook(lambda _, __, maps, kind=kind: seen.setdefault(kind, set()).add(maps.dtype))
        seen.clear()
        with asked.autocast():
            placed(asked.place_batch(pictures))
        assert seen == {"dense": {torch.bfloat16}, "depthwise": {torch.float32 if precision == "bf16_dense" else torch.bfloat16}}


def test_evaluation_is_per_image_in_order_and_leaves_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    data, training = digits(), begin(settings(dropout=0.5), digits())
    training.model.train()
    whole = evaluate(training.model, data, data.validation, training.numerics)
    assert training.model.training
    monkeypatch.setattr("engine.training.evaluation.CPU_CHUNK", 7 * 16 * 16)
    in_pieces = evaluate(training.model, data, data.validation, training.numerics)
    torch.testing.assert_close(in_pieces.loss, whole.loss)
    assert torch.equal(in_pieces.predicted, whole.predicted)
    assert torch.equal(whole.correct, whole.predicted == data.labels[data.validation])
    training.model.eval()
    logits = training.model(data.normalise(data.pictures(data.validation)))
    torch.testing.assert_close(whole.loss, torch.nn.functional.cross_entropy(logits, data.labels[data.validation], reduction="none"))
