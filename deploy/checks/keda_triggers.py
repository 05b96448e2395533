"""`./pants run deploy:keda-triggers -- OVERLAY`: writes the overlay's keda-triggers.yaml."""

import argparse
import sys
from pathlib import Path

from deploy.checks.render import RenderError
from deploy.checks.triggers import FILE, patch_for
from temporal_common.errors import SettingsError


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="deploy:keda-triggers",
        description="Writes KEDA's triggers for the TEMPORAL_QUEUE_SHARDS of an overlay.",
    )
    parser.add_argument("overlay", help="its name, such as production")
    overlay = Path("deploy/k8s/overlays") / parser.parse_args().overlay
    if not overlay.is_dir():
        parser.error(f"{overlay} is no folder; run this at the root of the repository")
    try:
        text = patch_for(overlay)
    except (RenderError, SettingsError) as error:
        sys.exit(f"deploy:keda-triggers: {error}")
    (overlay / FILE).write_text(text)
    sys.stdout.write(f"{overlay / FILE}: {text.count('taskQueue')} triggers\n")


if __name__ == "__main__":
    main()
