"""ANSI X12: tokens, envelopes, transaction maps as data, acknowledgements."""

from crossdock.sdk.formats.x12.acknowledgements import Acknowledged, AcknowledgedSet, read_acknowledgement
from crossdock.sdk.formats.x12.dialect import X12Dialect
from crossdock.sdk.formats.x12.envelope_keys import Envelope
from crossdock.sdk.formats.x12.interchange_acknowledgements import (
    InterchangeAcknowledged,
    read_interchange_acknowledgement,
)
from crossdock.sdk.formats.x12.interchange_format import X12Format
from crossdock.sdk.formats.x12.maps import Loop, TransactionMap, standard_map, standard_sets

__all__ = [
    "Acknowledged",
    "AcknowledgedSet",
    "Envelope",
    "InterchangeAcknowledged",
    "Loop",
    "TransactionMap",
    "X12Dialect",
    "X12Format",
    "read_acknowledgement",
    "read_interchange_acknowledgement",
    "standard_map",
    "standard_sets",
]
