"""Words and numbers that launch, supervisor and worker share. Knows none of them."""

# The role under which the supervisor stands in the store.
SUPERVISOR = "supervisor"
# The role under which the servant stands in the store.
SERVANT = "servant"
