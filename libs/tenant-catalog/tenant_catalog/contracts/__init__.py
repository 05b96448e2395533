"""What clients and services agree on: workflow names, ids, updates, queries, inputs and results.

Plain frozen dataclasses without I/O imports, so that a workflow can import them inside the sandbox
and a client needs nothing else. Fields are only ever added, with a default: histories outlive code.
"""
