"""How payloads are converted: as JSON by pydantic, with one store of type adapters."""

from typing import Final

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

# The SDK makes a converter for every workflow run, and with it an adapter for each type that the
# run reads: measured, 10 % of a worker's CPU. This one is shared by all runs; it keeps no state but
# adapters, and not many of them: where a run loads modules for itself, its types die with it.
_JSON: Final = PydanticJSONPlainPayloadConverter(max_cached_type_adapters=256)


class PayloadConverter(CompositePayloadConverter):
    """The SDK's default converters, with pydantic for JSON."""

    def __init__(self) -> None:
        super().__init__(
            *(
                _JSON if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER: Final = DataConverter(payload_converter_class=PayloadConverter)
"""Of every client and worker of the fleet. Its payloads are those of the SDK's own pydantic
converter."""
