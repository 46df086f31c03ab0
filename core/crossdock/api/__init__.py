"""The REST API and the entrance for webhooks: one ASGI application."""

from __future__ import annotations

from crossdock.api.application import Entrance, api_document, create_api
from crossdock.api.services import ApiServices, Scope

__all__ = ["ApiServices", "Entrance", "Scope", "api_document", "create_api"]
