"""What every part of the repository has in common, checked on its source.

Found by package, since a sandbox of Pants holds only what tests/BUILD names for this file.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from dev_all.__main__ import WORKERS

LIBRARIES = ("temporal_common", "tenant_catalog", "dev_servers")
SERVICES = tuple(spec.service.replace("-", "_") for spec in WORKERS.values())
PACKAGES = (*LIBRARIES, *SERVICES, "dev_all", "fleetctl")

SHAPE_OF_A_SERVICE = {
    "__init__.py",
    "__main__.py",
    "py.typed",
    "settings.py",
    "worker.py",
    "activities/__init__.py",
    "workflows/__init__.py",
}
TASK_QUEUE = re.compile(r"\b[a-z0-9_-]+\.(tenant|jobs)\.\d{2,3}\b")
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "lib"}


@cache
def folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    """Each module's path as `package/module.py`, and its file."""
    for package in packages:
        for file in sorted(folder(package).rglob("*.py")):
            yield str(Path(package) / file.relative_to(folder(package))), file


def imports(file: Path) -> Iterator[str]:
    """The packages that a module imports, at its top or anywhere below."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def texts(file: Path) -> Iterator[str]:
    """The string constants of a module, without docstrings."""
    tree = ast.parse(file.read_text())
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def literal_task_queues(file: Path) -> Iterator[object]:
    """What stands behind `task_queue=` in a call, where it is a constant."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.keyword) or node.arg != "task_queue":
            continue
        if isinstance(node.value, ast.Constant):
            yield node.value.value


def offenders(offends: Callable[[Path], bool]) -> list[str]:
    return [name for name, file in modules(*PACKAGES) if offends(file)]


def test_every_package_is_looked_at() -> None:
    """A file that tests/BUILD forgets would make the tests below see too little."""
    for package in PACKAGES:
        assert len(list(modules(package))) > 3, package
    assert len(list(modules(*PACKAGES))) > 80


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_files_that_every_service_has(service: str) -> None:
    files = {
        str(file.relative_to(folder(service)))
        for file in folder(service).rglob("*")
        if file.suffix in {".py", ".typed"}
    }
    assert files >= SHAPE_OF_A_SERVICE
    own = {Path(file).parts[0] for file in files - SHAPE_OF_A_SERVICE}
    assert {name for name in own if not name.endswith(".py")} <= {"activities", "workflows"}


def test_the_entrypoints_of_all_services_differ_in_name_and_port_only() -> None:
    entrypoints = {
        re.sub(r"health_port=\d+", "health_port=PORT", text.replace(service, "SERVICE"))
        for service in SERVICES
        for text in [(folder(service) / "__main__.py").read_text()]
    }
    assert len(entrypoints) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_named_after_its_package(service: str) -> None:
    [spec] = [spec for spec in WORKERS.values() if spec.service.replace("-", "_") == service]
    assert spec.service == f"worker-{spec.workload}"
    assert spec.kind.name == spec.workload


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other_service(service: str) -> None:
    others = {*SERVICES, "fleetctl", "dev_all", "dev_servers", "tests"} - {service}
    for name, file in modules(service):
        assert others.isdisjoint(imports(file)), name


@pytest.mark.parametrize(
    ("library", "may_import"),
    [
        ("temporal_common", set()),
        ("tenant_catalog", {"temporal_common"}),
        ("dev_servers", {"temporal_common"}),
    ],
)
def test_a_library_imports_nothing_that_is_built_on_it(library: str, may_import: set[str]) -> None:
    ours = {*PACKAGES, "tests", "benchmarks"} - {library} - may_import
    for name, file in modules(library):
        # Shipped for the tests of services, which start real servers.
        allowed = {"dev_servers"} if name == "temporal_common/testing.py" else set()
        assert (ours - allowed).isdisjoint(imports(file)), name


def test_a_task_queue_is_named_by_the_layout_and_never_by_a_literal() -> None:
    assert offenders(lambda file: any(TASK_QUEUE.search(text) for text in texts(file))) == []
    assert offenders(lambda file: any(literal_task_queues(file))) == []


def test_a_module_is_short_enough_to_be_read() -> None:
    assert offenders(lambda file: len(file.read_text().splitlines()) >= 400) == []


def test_a_module_is_named_after_what_it_knows() -> None:
    assert offenders(lambda file: file.stem in SAYS_NOTHING) == []
