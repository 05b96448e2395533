"""What a check says."""

from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, on one line, with the way to mend it."""

    where: str
    """The overlay or the combination of components."""
    what: str
    """The object, as Kind/name."""
    problem: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.problem}; {self.mend}"


@dataclass
class Outcome:
    """The result of one check over all renderings."""

    check: str
    looked_at: int = 0
    """Objects, containers or pairs that it compared; a check that saw nothing proves nothing."""
    findings: list[Finding] = field(default_factory=list)
    not_checked: str = ""
    """Why it could not run, and what would let it."""
