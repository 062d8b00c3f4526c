"""The same training by Athanor and by its peers, each in an environment of its own: `python -m tests.benchmarks.peers`."""
