"""`./pants run deploy:check`: exit code 1 on findings.

--crds FOLDER   the CRDs of KEDA, the Prometheus operator and the worker controller
                (or FLEET_CRDS; by default ../shared/crds beside the checkout)
--require-all   a check that could not run is a failure: for CI
"""

import argparse
import os
import sys
from pathlib import Path

from deploy.checks.run import Options, exit_code, report, run_checks


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy:check", description=__doc__.splitlines()[0])
    parser.add_argument("--crds", type=Path, default=os.environ.get("FLEET_CRDS"))
    parser.add_argument("--require-all", action="store_true")
    arguments = parser.parse_args()
    root = Path.cwd()
    if not (root / "deploy" / "k8s").is_dir():
        parser.error(f"{root} is not the root of the repository: it has no deploy/k8s")
    crds = Path(arguments.crds) if arguments.crds else root.parent / "shared" / "crds"
    outcomes = run_checks(Options(root, crds))
    sys.stdout.write(report(outcomes) + "\n")
    sys.exit(exit_code(outcomes, all_required=arguments.require_all))


if __name__ == "__main__":
    main()
