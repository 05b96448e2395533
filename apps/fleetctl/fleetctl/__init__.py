"""fleetctl: the command line of a worker fleet.

Temporal's SDK, the Postgres driver and Rich's tables are imported where a command needs them and
not above: `fleetctl --help` starts without them.
"""
