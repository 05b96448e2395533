"""Workflows whose modules the sandbox may share between runs, and some whose modules it may not."""
