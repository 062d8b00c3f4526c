"""The stages of a run at work: who learns in an epoch, and whether what the frozen layers make is computed once. Knows no loop."""

from collections.abc import Collection, Generator, Iterator, Sequence

from torch import nn

from engine.config.model import IMAGENET
from engine.config.optimisation import OptimisationConfig
from engine.config.run import RunConfig
from engine.config.stages import StagesConfig, require_layers, stage_at
from engine.errors import BadKnob
from engine.models import freezing, published
from engine.models.layers import count, weighted_layers
from engine.training.features import Features
from engine.training.happenings import Computed, FeaturesDone, StageBegan
from engine.training.numerics import Numerics
from engine.training.source import Source


class Staging:
    """What a network and its replicas (the first may be a compiled form of it) are asked, and who of them learns.

    `source` are the pictures, or what the frozen layers made of them; `ends` are then the ends of the replicas.
    """

    def __init__(self, network: nn.Module, replicas: Sequence[nn.Module], data: Source, numerics: Numerics) -> None:
        self.network = network
        self.replicas = replicas
        self.data = data
        self.numerics = numerics
        self.features: Features | None = None
        self.ends: list[nn.Module] = []
        self._frozen = self._made_behind = 0
        self._norms = False
        self._layers = count(network)
        self._said: tuple[int, int, Computed] | None = None

    @property
    def source(self) -> Source:
        return self.data if self.features is None else self.features

    def evaluated(self, network: nn.Module) -> nn.Module:
        """Of a network of the same layers, the part that reads the source."""
        end = None if self.features is None else freezing.tail(network, self._frozen)
        return network if end is None else end

    def enter(self, config: RunConfig, epoch: int, step: int, begins: bool) -> Iterator[StageBegan | FeaturesDone]:
        """Before the first step of an epoch, of which so many are done, or of the rest of one where a run goes on: not `begins`."""
        stages = config.stages
        stage = stage_at(stages, config.budget.epochs, epoch)
        self._frozen = frozen(stages, self._layers, stage.last_only)
        self._norms = stages.frozen_norm == "on"
        computed = yield from self._compute(config.augmentation.varies)
        now = stage.number, self._frozen, computed
        both = 1 + bool(stages.first_stage)
        if now != self._said and (self._frozen or both > 1) and (self._said or (begins and epoch == stage.begins)):
            yield StageBegan(epoch + 1, step, stage.number, both, self._frozen, self._layers, computed)
        self._said = now

    def train(self) -> None:
        """Into the mode in which they learn, all but what is frozen."""
        for network in (self.network, *self.replicas):
            network.train()
            freezing.freeze(network, self._frozen, self._norms)

    def most_kept(self, config: RunConfig, pictures: int) -> int:
        """Bytes of what the frozen layers make of so many pictures in the stage that keeps most; 0: none keeps any. Raises as `frozen`."""
        stages = config.stages
        parts = {stage_at(stages, config.budget.epochs, epoch).last_only for epoch in (0, stages.first_stage)}
        found = [self._kept(frozen(stages, self._layers, last_only), config.augmentation.varies, pictures) for last_only in parts]
        return max((features.size(pictures) for features in found if isinstance(features, Features)), default=0)

    def _kept(self, still: int, varies: bool, pictures: int | None = None) -> Features | Computed:
        """What so many frozen layers make, still to be computed, where it is kept of so many pictures (None: of all); or why not."""
        if not still or varies:
            return "augmentation" if still else "nothing"
        end = freezing.tail(self.network, still)
        if end is None:
            return "inside"
        features = Features(self.network, end, self.data, self.numerics)
        return features if features.fit(features.pictures_in_all if pictures is None else pictures) else "size"

    def _compute(self, varies: bool) -> Generator[FeaturesDone, None, Computed]:
        """Compute what the frozen layers make, or forget it, and say how it stands."""
        if self.features is not None and self._made_behind == self._frozen and not varies:
            return "once"
        self.features = None
        features = self._kept(self._frozen, varies)
        if not isinstance(features, Features):
            return features
        for done in features.fill():
            yield FeaturesDone(done, features.pictures_in_all)
        self.features, self._made_behind = features, self._frozen
        plain = (self.network, *self.replicas[1:])  # a compiled form has no end of its own
        self.ends = [end for network in plain if (end := freezing.tail(network, self._frozen)) is not None]
        return "once"


def frozen(stages: StagesConfig, layers: int, last_only: bool) -> int:
    """How many of the first of so many layers do not learn. Raises BadKnob when the network has too few."""
    require_layers(stages, layers)
    return max(layers - stages.last_layers, stages.frozen_layers) if last_only else stages.frozen_layers


def first_drawn(network: nn.Module, left: Collection[str], still: int) -> int | None:
    """The first of so many layers whose weights are among these tensors, which took none; from 1."""
    layers = weighted_layers(network)[:still]
    return next((number for number, (name, _) in enumerate(layers, 1) if f"{name}.weight" in left), None)


def penalised(config: RunConfig, epoch: int) -> OptimisationConfig:
    """The optimisation once so many epochs are done: the first of two stages has a weight decay of its own."""
    if epoch >= config.stages.first_stage:
        return config.optimisation
    return config.optimisation.model_copy(update={"weight_decay": config.stages.stage1_weight_decay})


def require_taken(config: RunConfig, network: nn.Module, left: Collection[str]) -> None:
    """Raises BadKnob when a layer that never learns has its weights among these tensors, which took none: it would stay as it was drawn;
    or a batch norm that is kept as it came, with statistics of nothing.

    A layer that learns in a second stage is let through: it is trained there, as every drawn layer is.
    """
    stages, layers, weights = config.stages, weighted_layers(network), config.model.weights
    drawn = first_drawn(network, left, frozen(stages, len(layers), stages.plan == "last"))
    norm = stages.frozen_norm == "on" and any(
        f"{name}.weight" in left for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)
    )
    origin = f"{weights}, {published.RESOLUTION} px" if weights == IMAGENET else weights
    fields = {"layer": drawn, "layers": len(layers), "weights": weights, "origin": origin}
    if drawn is None and norm:
        raise BadKnob("errors.norm_as_drawn", knob="frozen_norm", value="on", allowed="off", **fields)
    if drawn is None:
        return
    if stages.frozen_layers >= drawn:  # no second stage helps, nor do more last layers
        fields |= {"knob": "frozen_layers", "value": stages.frozen_layers, "allowed": f"0 .. {drawn - 1}"}
        raise BadKnob("errors.frozen_as_drawn", **fields)
    fields |= {"knob": "last_layers", "value": stages.last_layers, "allowed": f"{len(layers) - drawn + 1} .. {len(layers)}"}
    raise BadKnob("errors.drawn_before_last", **fields)


def shares(stages: StagesConfig, network: nn.Module) -> dict[nn.Parameter, float] | None:
    """The share of the rate at which each parameter learns where all learn that ever will; None: all of it. Raises as `frozen`."""
    still = frozen(stages, count(network), stages.plan == "last")
    return None if stages.first_layer_rate == 1 else freezing.shares(network, still, stages.first_layer_rate)
