"""Checks of the rendered manifests, among them against the code that runs in the pods.

One module, one concern; each gives findings. `./pants run deploy:check` runs them all.
"""
