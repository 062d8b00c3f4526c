"""Training: the loop and what it is made of. Knows no store, no process and no page; only `checkpoints` knows files."""
