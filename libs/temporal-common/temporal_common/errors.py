"""Errors of the fleet, and what each means for a retry.

    FleetError
    ├── Refused        trying again cannot help: bad input, wrong state, missing right
    ├── Unavailable    something outside is away or busy: try again
    └── SettingsError  a setting is missing or wrong: the process ends

A class is the decision: `temporal_common.interceptors` turns these into `ApplicationError`s whose
`type` is the class name, so a retry policy or a client matches on the type and never on a text.
Subclass them where a caller has to tell one from another (`TenantExists(Refused)`).
"""


class FleetError(Exception):
    """Base of all. The message is one line for a person: what, where, and how to mend it."""

    retryable = True


class Refused(FleetError):
    """Will not change by itself; an activity that raises it fails at once."""

    retryable = False


class Unavailable(FleetError):
    """A server is away, busy, or answered with a passing fault; an activity is retried."""


class SettingsError(FleetError):
    """One or more settings are missing or invalid. One line each: key, value, and what is valid."""

    retryable = False
