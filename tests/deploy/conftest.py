"""Real renderings by kubectl; a test plants its fault into a copy."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from deploy.checks.combinations import Combination
from deploy.checks.manifests import Rendering
from deploy.checks.render import render, render_combination

Render = Callable[..., Rendering]


@pytest.fixture(scope="session")
def k8s() -> Path:
    """The manifests: tests run at the root of the repository."""
    return Path("deploy/k8s").resolve()


@pytest.fixture(scope="session")
def _rendered(k8s: Path) -> Render:
    done: dict[str, Rendering] = {}

    def get(overlay: str = "", components: tuple[str, ...] = ()) -> Rendering:
        key = overlay or Combination(components).name
        if key not in done:
            done[key] = (
                render(k8s / "overlays" / overlay, f"overlays/{overlay}")
                if overlay
                else render_combination(k8s, Combination(components))
            )
        return done[key]

    return get


@pytest.fixture
def overlay(_rendered: Render) -> Callable[[str], Rendering]:
    """An overlay, as a copy to plant faults into."""
    return lambda name: deepcopy(_rendered(overlay=name))


@pytest.fixture
def combination(_rendered: Render) -> Callable[..., Rendering]:
    """The bases with these components, as a copy to plant faults into."""
    return lambda *components: deepcopy(_rendered(components=components))
