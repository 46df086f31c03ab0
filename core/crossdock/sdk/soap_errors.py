"""The exceptions of zeep by what they mean, and the faults by which a service refuses credentials.

A test walks zeep's exceptions, so that a new one upstream is given its place here.
"""

from __future__ import annotations

import logging

import zeep.exceptions

__all__ = [
    "ANSWER_BROKEN",
    "BASES",
    "REFUSED_CREDENTIALS",
    "REQUEST_INVALID",
    "UNREADABLE",
    "UNSENDABLE",
    "WSDL_BROKEN",
]

WSDL_BROKEN: frozenset[type[Exception]] = frozenset(
    {
        zeep.exceptions.ExternalReferenceForbidden,
        zeep.exceptions.IncompleteMessage,
        zeep.exceptions.IncompleteOperation,
        zeep.exceptions.NamespaceError,
        zeep.exceptions.WsdlSyntaxError,
    }
)
REQUEST_INVALID: frozenset[type[Exception]] = frozenset(
    {zeep.exceptions.LookupError, zeep.exceptions.ValidationError}
)
ANSWER_BROKEN: frozenset[type[Exception]] = frozenset(
    {
        zeep.exceptions.DTDForbidden,
        zeep.exceptions.EntitiesForbidden,
        zeep.exceptions.Fault,
        zeep.exceptions.SignatureVerificationFailed,
        zeep.exceptions.TransportError,
        zeep.exceptions.UnexpectedElementError,
        zeep.exceptions.XMLParseError,
        zeep.exceptions.XMLSyntaxError,
    }
)
BASES: frozenset[type[Exception]] = frozenset({zeep.exceptions.Error, zeep.exceptions.ZeepWarning})

# zeep answers unknown arguments with a TypeError, and values that a type can't express with a ValueError
UNSENDABLE: tuple[type[Exception], ...] = (*REQUEST_INVALID, TypeError, ValueError)
# and texts that are no decimal raise decimal.InvalidOperation
UNREADABLE: tuple[type[Exception], ...] = (*ANSWER_BROKEN, *REQUEST_INVALID, ArithmeticError)

REFUSED_CREDENTIALS = frozenset(
    {
        # OASIS Web Services Security: SOAP Message Security 1.1, 12
        "FailedAuthentication",
        "FailedCheck",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "SecurityTokenUnavailable",
    }
)


class _RaiseInstead(logging.Handler):
    """zeep logs a text that is not of its type, and reads it as nothing: a silent loss. This raises there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise what makes the answer unreadable by the WSDL."""
        error = record.exc_info[1] if record.exc_info else None
        raise zeep.exceptions.XMLParseError(f"a value is not of its type: {error or record.getMessage()}")


_values_log = logging.getLogger("zeep.xsd.types.simple")
_values_log.addHandler(_RaiseInstead())
_values_log.propagate = False
