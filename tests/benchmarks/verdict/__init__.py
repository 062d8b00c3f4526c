"""How often the verdict is right, on runs whose illness is known otherwise: `python -m tests.benchmarks.verdict`."""
