"""The checks of `fleetctl doctor`, a module for each family."""
