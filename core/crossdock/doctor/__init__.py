"""Proves on the database that what must always hold does hold. ``crossdock doctor`` shows what it found."""

from __future__ import annotations

from crossdock.doctor.checks import CHECKS, examine
from crossdock.doctor.model import Check, Finding, Reporting, Situation

__all__ = ["CHECKS", "Check", "Finding", "Reporting", "Situation", "examine"]
