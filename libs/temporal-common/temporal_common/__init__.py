"""Everything that every Temporal worker service needs, and nothing that only one of them knows.

Import from the modules; this file stays empty so that a workflow that needs `routing` does not load
a web server. README.md beside this package lists the modules.
"""
