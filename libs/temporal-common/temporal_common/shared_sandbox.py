"""The SDK's workflow sandbox, with a workflow's modules loaded once and not for every run.

The sandbox executes the module of a workflow, and what it imports, anew for each run, so that a run
cannot see what another left in a global variable. Measured on the workflows of this repository with
temporalio 1.35, that takes 3 to 8 ms of CPU for a run, on the event loop; with shared modules it
takes 0.2 ms. All checks of the sandbox stay: what it restricts is restricted in shared modules too.

Runs share modules only where nothing in them can change (see `module_state`). The others are loaded
for each run, as by the SDK. TypeScript's SDK goes the same way (`reuseV8Context`).
"""

import sys
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any, Final

import structlog
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker._command_aware_visitor import CommandInfo
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

# Not public, and said to be unstable. What is used of it is held by
# tests/integration/temporal_common/test_shared_sandbox.py.
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext
from temporalio.worker.workflow_sandbox._runner import _Instance

from temporal_common.module_state import Changeable, Constants

log = structlog.get_logger()

_ALWAYS_THERE: Final = frozenset({"sys", "builtins", "__main__"})


@dataclass(frozen=True)
class SharedSandboxRunner(SandboxedWorkflowRunner):
    """A `SandboxedWorkflowRunner` whose runs share modules where that cannot be noticed."""

    _shared: dict[str, "_Shared | None"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By the workflow's module; None for one that each run loads for itself."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        module = det.defn.cls.__module__
        if module not in self._shared:
            self._shared[module] = self._share(det)
        shared = self._shared[module]
        if shared is not None and (name := shared.constants.changed()) is not None:
            log.error(
                "a workflow has changed its module; from now on each run loads it for itself",
                module=module,
                name=name,
            )
            shared = self._shared[module] = None
        if shared is None:
            return super().create_instance(det)
        return _SharedInstance(det, self, shared.importer)

    def _share(self, det: WorkflowInstanceDetails) -> "_Shared | None":
        """Loads the modules, and looks whether anything in them can change."""
        module = det.defn.cls.__module__
        importer = Importer(self.restrictions, _ContextOfThread(), workflow_module_name=module)
        _SharedInstance(det, self, importer)
        loaded = {
            name: loaded
            for name, loaded in importer.new_modules.items()
            if name not in _ALWAYS_THERE and type(loaded) is ModuleType and _is_own(name, loaded)
        }
        try:
            return _Shared(importer, Constants(loaded))
        except Changeable as reason:
            log.info("each workflow run loads its modules", module=module, reason=str(reason))
            return None


@dataclass(frozen=True)
class _Shared:
    importer: Importer
    constants: Constants


class _SharedInstance(_Instance):
    """One run. The initializer is the SDK's, but for the importer."""

    def __init__(
        self, det: WorkflowInstanceDetails, runner: SharedSandboxRunner, importer: Importer
    ) -> None:
        self.instance_details = det
        self.runner_class = runner.runner_class
        self.importer = importer
        self._current_thread_id: int | None = None
        self.globals_and_locals: dict[str, Any] = {"__file__": "workflow_sandbox.py"}
        self._create_instance()

    def _run_code(self, code: str, **extra_globals: Any) -> None:
        # The SDK enters the sandbox by a few lines of source, half a dozen times in a run.
        super()._run_code(_compiled(code), **extra_globals)  # type: ignore[arg-type]  # as exec

    # Both are asked for each payload, some ten times in a run, and answer from the SDK's own state.
    # No code of a workflow runs in them: entering the sandbox for them took 1 ms of a run's CPU.

    def get_serialization_context(self, command_info: CommandInfo | None) -> Any:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: CommandInfo | None) -> Any:
        return self._inner.get_external_store_context(command_info)

    @property
    def _inner(self) -> WorkflowInstance:
        inner: WorkflowInstance = self.globals_and_locals["__temporal_in_sandbox"].instance
        return inner


@lru_cache(maxsize=256)
def _compiled(code: str) -> CodeType:
    return compile(code, "workflow_sandbox.py", "exec")


class _ContextOfThread(RestrictionContext):
    """Says of each thread for itself whether it runs a workflow: several run at once."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @property
    def is_runtime(self) -> bool:
        return getattr(self._of_thread, "is_runtime", False)

    @is_runtime.setter
    def is_runtime(self, value: bool) -> None:
        self._of_thread.is_runtime = value

    @property
    def in_activation(self) -> bool:
        return getattr(self._of_thread, "in_activation", False)

    @in_activation.setter
    def in_activation(self, value: bool) -> None:
        self._of_thread.in_activation = value


def _is_own(name: str, module: ModuleType) -> bool:
    """Whether the module was loaded for the workflow, and not passed through."""
    return sys.modules.get(name) is not module
