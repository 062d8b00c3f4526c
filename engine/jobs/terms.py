"""Words and numbers that launch, supervisor and worker share. Knows none of them."""

# The role under which the supervisor stands in the store.
SUPERVISOR = "supervisor"
# Seconds between two heartbeats of a worker that has nothing to tell.
HEARTBEAT = 1.0
# The role under which the servant stands in the store.
SERVANT = "servant"
