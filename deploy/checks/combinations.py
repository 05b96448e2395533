"""Which components go together: deploy/k8s/README.md says it in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

SCALING: Final = ("", "hpa", "keda", "versioned")
"""One of them or none: two would write the same number of replicas."""

CLOUD: Final = ("", "cloud/api-key", "cloud/mtls")
"""One of them or none: Temporal Cloud takes one way to sign in for a namespace."""

# In the order in which an overlay lists them: cloud patches what keda and versioned bring.
_CHOICES: Final = (
    SCALING,
    ("", "network-policy"),
    ("", "hardening"),
    ("", "tracing"),
    CLOUD,
)


@dataclass(frozen=True)
class Combination:
    components: tuple[str, ...]

    @property
    def name(self) -> str:
        return "+".join(("base", *self.components))


def supported() -> Iterator[Combination]:
    """Every supported combination, the bare bases first."""
    for chosen in product(*_CHOICES):
        yield Combination(tuple(component for component in chosen if component))


def components_on_disk(k8s: Path) -> set[str]:
    """Every component that there is, whether a combination has it or not."""
    folder = k8s / "components"
    return {
        str(path.parent.relative_to(folder))
        for path in folder.rglob("kustomization.yaml")
        if "kind: Component" in path.read_text()
    }
