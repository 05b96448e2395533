#!/usr/bin/env bash
# Writes every lock from its .in file: versions and hashes, no registry address.
# Needs `uv` on PATH (pip install uv). Options go to uv: `lock.sh --upgrade` moves the versions.
set -euo pipefail
cd "$(dirname "$0")"

compile() {
  uv pip compile --quiet --generate-hashes --no-annotate --no-header \
    --no-emit-index-url --no-emit-find-links "$@"
}

compile requirements.in --universal --python-version 3.11 --output-file requirements.lock "$@"
for tool in pytest mypy ruff dockerfile sbom; do # equal versions wherever a tool shares a package with our code
  compile "$tool.in" --universal --python-version 3.11 --constraints requirements.lock \
    --output-file "$tool.lock" "$@"
done
for tool in kubernetes-validate checkov; do # programs of their own: nothing is shared
  compile "$tool.in" --universal --python-version 3.11 --output-file "$tool.lock" "$@"
done
# Pants runs on a Python of its own, so its lock shares nothing with ours.
compile pants.in --universal --python-version 3.9 --output-file pants.lock "$@"
