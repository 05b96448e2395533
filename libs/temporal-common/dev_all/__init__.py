"""dev-all: the whole fleet on a laptop, in one process, with real servers.

Beside the package `temporal_common` and not in it: this imports the services, which the library
never does.
"""
