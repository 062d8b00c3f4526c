"""Networks, from a config. Knows no data and no training."""
