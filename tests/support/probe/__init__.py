"""A service with nothing to do but what a test of the lifecycle asks for."""
