"""Knobs of the network."""

from typing import Annotated, Literal

from pydantic import Field

from engine.catalog import ARCHITECTURES
from engine.config.knob import Group, knob, read_knobs
from engine.errors import BadKnob

# Values of `weights`: published ones, and a saved run by its number.
IMAGENET, RUN = "imagenet", "run:"
# Products of two features that bilinear pooling may make of a picture: 1,448 channels; a batch of 64 holds 0.5 GB for each copy of them.
MOST_PRODUCTS = 2**21
SIZES = (512, 1024, 2048, 4096, 8192, 16384)


class ModelConfig(Group):
    """Which network. `width` multiplies the channels of every layer but the last.

    `stochastic_depth` is how often the last residual block is left out of a step, `norm_momentum` what a batch weighs in the running
    statistics of batch norm; 0 is what the architecture has. `layers_less` takes so many convolutions or blocks from each stage, the last
    one never; `hidden` = 0: as many as the network has. What the catalog calls `variants` only some architectures obey; elsewhere they
    must be as they are.
    `pooling` is what becomes of the last map: what the architecture has (`usual`), or all products of two features, in full or summed
    into `pooling_size` numbers. `weights` are those it starts with: drawn, published ones of ImageNet, or a saved run's best.
    """

    architecture: str = knob("lenet", acts="fork", alters="body", level="basic", scale="choice", choices=tuple(ARCHITECTURES))
    width: float = knob(1.0, acts="fork", alters="body", low=0.125, high=4.0, steps=(0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0))
    dropout: float = knob(0.2, acts="now", level="basic", low=0.0, high=0.9, steps=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7), off=0.0)
    stochastic_depth: float = knob(0.0, acts="now", low=0.0, high=0.9, steps=(0.0, 0.05, 0.1, 0.2, 0.3, 0.5), off=0.0)
    norm_momentum: float = knob(0.0, acts="fork", alters="nothing", low=0.0, high=1.0, steps=(0.0, 0.01, 0.03, 0.1, 0.3), off=0.0)
    kernel: int = knob(3, acts="fork", alters="body", unit="px", low=1, high=3, steps=(1, 2, 3), off=3)
    layers_less: int = knob(0, acts="fork", alters="body", low=0, high=2, steps=(0, 1, 2), off=0)
    convolution: Literal["full", "grouped", "depthwise_separable"] = knob("full", acts="fork", alters="body", off="full")
    hidden: int = knob(
        0, acts="fork", alters="head", unit="units", low=0, high=8192, steps=(0, 32, 64, 128, 256, 512, 1024, 2048, 4096), off=0
    )
    squeeze_excitation: Literal["off", "on"] = knob("off", acts="fork", alters="body", off="off")
    initialisation: Literal["default", "kaiming", "xavier", "orthogonal"] = knob("default", acts="fork", alters="nothing", off="default")
    pooling: Literal["usual", "bilinear", "compact_bilinear"] = knob("usual", acts="fork", alters="head", off="usual")
    pooling_size: int = knob(8192, acts="fork", alters="head", scale="log", low=512, high=16384, steps=SIZES)
    weights: Annotated[str, Field(pattern=rf"^(none|imagenet|{RUN}[1-9][0-9]{{0,8}})$")] = knob(
        "none",
        acts="fork",
        alters="nothing",
        level="basic",
        scale="text",
        steps=("none", IMAGENET),
        syntax="none, imagenet, run:NUMBER",
        search=False,
        off="none",
    )

    @property
    def products(self) -> int:
        """How many numbers bilinear pooling makes of a picture, as near as widths are rounded."""
        return int(ARCHITECTURES[self.architecture].map_channels * self.width) ** 2

    @property
    def weights_run(self) -> int | None:
        """The run whose weights it starts with."""
        return int(self.weights.removeprefix(RUN)) if self.weights.startswith(RUN) else None


_KNOBS = read_knobs({"model": ModelConfig})
# What decides, beside the architecture, whether weights fit in more than the head.
OF_WEIGHTS = tuple(name for name, knob in _KNOBS.items() if knob.alters == "body" and name != "architecture")
# What decides which layers there are and how large they are.
OF_LAYERS = tuple(name for name, knob in _KNOBS.items() if knob.alters in ("body", "head"))


def check_fit(model: ModelConfig) -> None:
    """Raises BadKnob when the pooling or the weights do not go with the architecture."""
    architecture = ARCHITECTURES[model.architecture]
    named = {"architecture": architecture.label}
    if model.pooling != "usual" and not architecture.map_channels:
        raise BadKnob("errors.no_map_to_pool", knob="pooling", value=model.pooling, allowed="usual", **named)
    if model.pooling == "bilinear" and model.products > MOST_PRODUCTS:
        fields = {"products": f"{model.products:,}", "most": f"{MOST_PRODUCTS:,}", **named}
        raise BadKnob("errors.too_many_products", knob="pooling", value=model.pooling, allowed="usual, compact_bilinear", **fields)
    if model.weights == IMAGENET and not architecture.imagenet:
        raise BadKnob("errors.no_imagenet_weights", knob="weights", value=model.weights, allowed="none, run:NUMBER", **named)
    for name in OF_WEIGHTS if model.weights == IMAGENET else ():
        value, published = getattr(model, name), ModelConfig.model_fields[name].default
        if value != published:
            raise BadKnob("errors.imagenet_is_whole", knob=name, value=value, allowed=str(published), **named)
