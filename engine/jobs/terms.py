"""Words and numbers that launch, supervisor and worker share. Knows none of them."""

# The role under which the supervisor stands in the store.
SUPERVISOR = "supervisor"
# The command that ends a run.
STOP = "stop"
# Runs that train at the same time; their workers share the cores.
SLOTS = 1
