"""The table: `python -m tests.benchmarks.verdict`, in a minute from what is kept; `plant` trains the planted runs anew.

Recorded runs, synthetic curves, planted runs; the engine's rule, its parts switched off, and the alarms in use on the same curves.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.diagnosis import History, alarms
from tests.benchmarks.verdict import kept, replaying, speed, synthetic, truth, twins, wild
from tests.benchmarks.verdict.baselines import BASELINES
from tests.benchmarks.verdict.plan import NEGATIVES
from tests.benchmarks.verdict.replaying import ABLATIONS, without
from tests.benchmarks.verdict.scores import Alarmed, confusion, macro, rate

SAME = {"overconfident": "overfitting", "watch": "healthy"}
"""Both say that the loss on new pictures rises, which is what the test set is asked; a watch claims nothing yet."""
PLANTED = "data_suspect"
"""The truth about twins is the share that was planted, which the diagnosis is given as it is: whether it is found is asked in `twins`."""

Run = Mapping[str, Any]

SOON: dict[str, tuple[str, float, Callable[[Run, int], float]]] = {
    "diverged": ("epochs from its beginning, which is the first", 3, lambda run, epoch: epoch - truth.begun(run, epoch) + 1),
    "not_learning": ("share of the plan", 0.20, lambda run, epoch: epoch / run["planned"]),
}
"""What cannot wait: what is asked of the epoch at which it was first told, and the most that it may be."""


def told_synthetic(seeds: int) -> None:
    """Curves made by formula."""
    drawn = list(synthetic.draw(seeds))
    print(f"synthetic curves: {len(drawn)}, half of them ill; curves alone")
    for part in ABLATIONS:
        with without(part):
            raised = [alarms(each.history).overfitting for each in drawn]
        _synthetic_line(part, drawn, raised)
    for name, rule in BASELINES.items():
        with np.errstate(all="ignore"):
            found = [rule(np.asarray(each.history.probe_loss), np.asarray(each.history.val_loss)) for each in drawn]
        _synthetic_line(name, drawn, found)
    print()


def _synthetic_line(name: str, drawn: Sequence[synthetic.Drawn], raised: Sequence[int | None]) -> None:
    ill, alarmed = np.array([each.ill for each in drawn]), np.array([one is not None for one in raised])
    sizes = {n: np.array([each.n_val == n for each in drawn]) for n in (30, 100, 1_000, 10_000)}
    shares = "  ".join(f"{n}: {100 * np.mean(alarmed[~ill & of]):.0f}/{100 * np.mean(alarmed[ill & of]):.0f}" for n, of in sizes.items())
    print(f"  {name:<34} F1 {Alarmed(ill, alarmed).f1:.3f}   false/caught in %, by pictures   {shares}", flush=True)


def told_planted(runs: Sequence[Run]) -> None:
    """Runs that were really trained."""
    yardsticks = replaying.yardsticks(runs)
    histories = [replaying.history(run, yardsticks[run["dataset"]]) for run in runs]
    names = [replaying.said(each) for each in histories]
    best = truth.allowed(runs)
    labels = [truth.label(run, best.get(run["dataset"], np.nan)) for run in runs]
    clear = [(label, SAME.get(said[-1], said[-1])) for label, said in zip(labels, names, strict=True) if label is not None]
    score, by_name = macro(clear)
    print(f"planted runs: {len(runs)} trained, {len(clear)} with a clear symptom on the test set")
    right = sum(true == told for true, told in clear)
    print(f"  macro-F1 over {len(by_name)} verdicts: {score:.3f}   right: {rate(right, len(clear))}")
    print(f"  without the runs that are {PLANTED}: {macro(pair for pair in clear if pair[0] != PLANTED)[0]:.3f}")
    for name, (f1, hits, true, told) in by_name.items():
        print(f"    {name:<20} F1 {f1:.2f}   recall {rate(hits, true)}   precision {rate(hits, told)}")
    print("\n".join(confusion(clear)))
    _negatives(runs, names)
    _soon(runs, names, labels)
    _planted_overfitting(runs, histories, names)
    print()


def _negatives(runs: Sequence[Run], names: Sequence[Sequence[str]]) -> None:
    """Of the runs that were planted to be well, and are by the test loss: how many were ever called overfitting."""
    for cause in NEGATIVES:
        of = [(run, said) for run, said in zip(runs, names, strict=True) if run["cause"] == cause]
        alarmed = ["overfitting" in said for run, said in of if truth.overfitting(truth.facts(run)) == "no"]
        print(f"  {cause} called overfitting: {rate(sum(alarmed), len(alarmed))}")


def _soon(runs: Sequence[Run], names: Sequence[Sequence[str]], labels: Sequence[str | None]) -> None:
    """How soon what cannot wait was first told, of those that it was told of."""
    for name, (what, most, taken) in SOON.items():
        of = [(run, said) for run, said, label in zip(runs, names, labels, strict=True) if label == name]
        took = np.array([taken(run, said.index(name) + 1) for run, said in of if name in said])
        print(f"  {name}: recall {rate(len(took), len(of))}")
        if len(took):
            soon = rate(int(np.sum(took <= most)), len(took))
            print(f"    {what}: median {np.median(took):.3g}, most {took.max():.3g}; up to {most:g}: {soon}")


def _planted_overfitting(runs: Sequence[Run], histories: Sequence[History], names: Sequence[Sequence[str]]) -> None:
    """The overfitting alarm alone, with and without single pictures, beside the alarms in use."""
    judged = [truth.overfitting(truth.facts(run)) for run in runs]
    clear = np.array([each != "unclear" for each in judged])
    ill = np.array([each == "yes" for each in judged])[clear]
    print(f"  overfitting alone: {clear.sum()} runs, {ill.sum()} overfit by the test loss; any alarm counts")

    def line(name: str, alarmed: Sequence[bool]) -> None:
        print(f"    {name:<34} {Alarmed(ill, np.array(alarmed)[clear]).line()}", flush=True)

    line("with single pictures", ["overfitting" in said or "overconfident" in said for said in names])
    for part in ABLATIONS:
        with without(part):
            line(f"curves alone, {part}", [alarms(each).overfitting is not None for each in histories])
    for name, rule in BASELINES.items():
        with np.errstate(all="ignore"):
            line(name, [rule(np.asarray(each.probe_loss), np.asarray(each.val_loss)) is not None for each in histories])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10, help="of the synthetic curves")
    parser.add_argument("--quick", action="store_true", help="the planted runs of `plant --quick`")
    given = parser.parse_args()
    wild.tell()
    told_synthetic(given.seeds)
    file = kept.FILE.with_name("quick.npz") if given.quick else kept.FILE
    if file.exists():
        told_planted(kept.read(file))
    else:
        print(f"planted runs: skipped, none are kept; train them: python -m tests.benchmarks.verdict.plant{' --quick' * given.quick}\n")
    twins.tell()
    print()
    speed.tell()


if __name__ == "__main__":
    main()
