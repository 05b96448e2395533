"""One line over all test reports: `tests: N passed, N failed, N skipped`.

Pants runs each test file by itself, so that no runner has the sum.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(reports: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests in a folder of JUnit reports."""
    total = failed = skipped = 0
    for report in reports.rglob("*.xml"):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


if __name__ == "__main__":
    passed, failed, skipped = count(Path(sys.argv[1]))
    sys.stdout.write(f"tests: {passed} passed, {failed} failed, {skipped} skipped\n")
    sys.exit(failed > 0 or passed == 0)
