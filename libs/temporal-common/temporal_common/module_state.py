"""Whether modules can be shared by workflow runs: nothing in them may change while they run.

Constants, functions and classes of constants cannot; a counter, a cache or a random generator can.
What is not known to be constant counts as able to change.
"""

import copy
import dis
import enum
import logging
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

_CONSTANTS: Final = (
    *(type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes, range),
    *(date, time, timedelta, tzinfo, Decimal, Fraction, PurePath, UUID, enum.Enum, re.Pattern),
    *(types.ModuleType, types.BuiltinFunctionType, types.GenericAlias, types.UnionType),
    *(types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType),
    *(types.WrapperDescriptorType, types.MethodWrapperType, types.ClassMethodDescriptorType),
    *(typing.TypeVar, typing.ParamSpec, typing.ForwardRef),
    *(logging.Logger, logging.LoggerAdapter),
)
_CONTAINERS: Final = (dict, list, set)
# Of which an instance is a declaration, or a way to a log.
_LIBRARIES: Final = frozenset(
    {"temporalio", "typing", "typing_extensions", "structlog", "__future__"}
)
_MACHINERY: Final = re.compile(
    r"__\w+__|__temporal_\w+|_abc_impl|_member_map_|_value2member_map_|_unhashable_\w+"
)


class Changeable(Exception):
    """A module holds something that can change; the message names it."""


class Constants:
    """The constants of some modules, and whether they still are what they were."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Raises Changeable."""
        self._namespaces: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
        """Of modules and classes: whose, as it is, as it was."""
        self._containers: list[tuple[str, Any, Any]] = []
        self._seen: set[int] = set()
        for name, module in modules.items():
            self._look_at_names(name, vars(module), name)

    def changed(self) -> str | None:
        """The first name that means something else than before, or a container that has changed."""
        for owner, live, was in self._namespaces:
            for name, value in was.items():
                if live.get(name) is not value:
                    return f"{owner}.{name}"
        return next((name for name, live, was in self._containers if live != was), None)

    def _look(self, name: str, value: Any, module: str) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        kind = type(value)
        if isinstance(value, type):
            if value.__module__ == module:  # others are not loaded for the workflow
                self._look_at_names(name, vars(value), module)
        elif isinstance(value, types.FunctionType):
            self._look_at_function(name, value, module)
        elif isinstance(value, staticmethod | classmethod):
            self._look(name, value.__func__, module)
        elif isinstance(value, property):
            for function in (value.fget, value.fset, value.fdel):
                self._look(name, function, module)
        elif kind in _CONTAINERS:
            self._containers.append((name, value, copy.deepcopy(value)))
        elif kind in (tuple, frozenset):
            for item in value:
                self._look(name, item, module)
        elif kind in (types.MappingProxyType,):
            for item in value.values():
                self._look(name, item, module)
        elif is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            for field in fields(value):
                self._look(f"{name}.{field.name}", getattr(value, field.name), module)
        elif not isinstance(value, _CONSTANTS) and (
            kind.__module__.partition(".")[0] not in _LIBRARIES
        ):
            raise Changeable(f"{name} is a {kind.__qualname__}")

    def _look_at_names(self, owner: str, live: Mapping[str, Any], module: str) -> None:
        was = {name: value for name, value in live.items() if not _MACHINERY.fullmatch(name)}
        self._namespaces.append((owner, live, was))
        for name, value in was.items():
            self._look(f"{owner}.{name}", value, module)

    def _look_at_function(self, name: str, function: types.FunctionType, module: str) -> None:
        if function.__module__ != module:
            return
        if (variable := _written_global(function.__code__)) is not None:
            raise Changeable(f"{name} writes the global {variable}")
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._look(f"{name}()", default, module)
        for cell in function.__closure__ or ():
            self._look(f"{name}()", cell.cell_contents, module)


def _written_global(code: types.CodeType) -> str | None:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            return str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and (found := _written_global(constant)):
            return found
    return None
