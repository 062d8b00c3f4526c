"""Which precision and layout is the fastest for each network on this machine: `python -m tests.benchmarks.numerics`.

A few steps of the run's own loop in every setting, in turn; images per second, medians over the rounds, beside the catalog's setting.
The catalog's defaults come from this table.
"""

import argparse
import statistics
from dataclasses import replace

import torch

from engine.catalog import ARCHITECTURES
from engine.config import RunConfig
from engine.models.building import build
from engine.training.numerics import Numerics, choose, precisions
from engine.training.rehearsal import Rehearsal, unchanged_flags
from tests.benchmarks.pictures import resident, squares


def settings(chosen: Numerics, model: torch.nn.Module) -> dict[str, Numerics]:
    """Name -> setting, the catalog's first."""
    ways = {
        f"{precision}, channels {'last' if last else 'first'}": replace(chosen, precision=precision, channels_last=last)
        for precision in precisions(model)
        for last in (True, False)
    }
    ways["optimiser step by step"] = replace(chosen, fused=False)
    if chosen.replicas > 1:
        ways["threads share operations"] = replace(chosen, threads=chosen.replicas, replicas=1)
    return {"catalog": chosen} | {name: way for name, way in ways.items() if way != chosen}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(ARCHITECTURES), choices=list(ARCHITECTURES))
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KNOB=VALUE", help="other knobs, as convolution=grouped")
    given = parser.parse_args()
    data = resident(*squares(given.resolution))
    for net in given.nets:
        own = {"architecture": net, "batch_size": given.batch, "resolution": given.resolution, "device": "cpu"}
        config = RunConfig.from_flat(own | dict(pair.split("=", 1) for pair in given.set))
        with unchanged_flags():
            torch.manual_seed(0)
            model = build(config.model, data.channels, len(data.classes), given.resolution)
            ways = settings(choose(config, given.cores), model)
            speeds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(given.rounds):
                for name, way in ways.items():
                    stint = Rehearsal(config, way.place_model(model), data, lambda: True).steps(way, given.batch, given.seconds)
                    speeds[name].append(stint.images_per_second)
        tell(net, ways["catalog"], speeds)


def tell(net: str, chosen: Numerics, speeds: dict[str, list[float]]) -> None:
    """A block of lines."""
    print(f"{net}: the catalog has {chosen.precision}, channels {'last' if chosen.channels_last else 'first'}")
    for name, found in speeds.items():
        ratio = statistics.median(one / base for one, base in zip(found, speeds["catalog"], strict=True))
        print(f"  {name:<32} {statistics.median(found):9,.0f} images/s   {ratio:5.2f}", flush=True)


if __name__ == "__main__":
    main()
