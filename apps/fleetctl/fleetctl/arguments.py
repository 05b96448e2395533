"""Arguments and options that several commands share, checked before anything is connected."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

import typer

from fleetctl.durations import parse_duration
from tenant_catalog.names import SLUG_RULE, parse_email, parse_slug

T = TypeVar("T")


def _checked(name: str, parse: Callable[[str], T]) -> Callable[[Any], T]:
    """`parse` as Typer calls it: with the text, or with a default that is a `T` already."""

    def parser(value: Any) -> T:
        if not isinstance(value, str):
            default: T = value
            return default
        try:
            return parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=name) from None

    return parser


Slug: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SLUG",
        parser=_checked("SLUG", parse_slug),
        help=f"Name of the tenant: {SLUG_RULE}.",
    ),
]
Email: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="EMAIL", parser=_checked("EMAIL", parse_email), help="The user's e-mail address."
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write one JSON document to stdout, errors as well.")
]


def email_option(name: str, help: str) -> Any:
    """An option with an e-mail address. `name` as it is typed: `--admin-email`."""
    return typer.Option(name, metavar="EMAIL", parser=_checked(name, parse_email), help=help)


def duration_option(name: str, default: str, help: str) -> Any:
    """An option with a duration. `default` is how the help writes the default."""
    return typer.Option(
        name,
        metavar="DURATION",
        parser=_checked(name, parse_duration),
        help=help,
        show_default=default,
    )


def example(*commands: str) -> str:
    """The end of a command's help."""
    return "\n".join([f"Example{'s' if len(commands) > 1 else ''}:", *commands])
