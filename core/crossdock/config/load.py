"""Reads ``crossdock.yaml``: includes, secrets by reference, and mistakes told by file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from crossdock.config.model import Config
from crossdock.config.network import RateCardConfig, ServiceConfig, with_tariff
from crossdock.errors import MisconfiguredError
from crossdock.sdk.tariff_sheet import load_tariff_sheet
from crossdock.yaml_model import YamlDocument, validate, yaml_document

__all__ = ["file_and_line", "load_config", "resolve_secrets", "with_tariffs"]

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")


def load_config(path: Path) -> Config:
    """Read a configuration; ``include:`` names further files whose top-level keys are added to it.

    Rate cards that name a file are filled in from it, services without transit days from their rate card.

    Secrets stay references: ``resolve_secrets`` reads them when a connection is opened, so that a
    configuration can be shown and compared without holding one.

    Raises:
        MisconfiguredError: With a line for each mistake: file, line, where, what to write.
    """
    document = _read(path)
    value = dict(document.value)
    included = value.pop("include", [])
    if not isinstance(included, list):
        raise MisconfiguredError(document.fault(("include",), "write a list of file names"))
    for name in included:
        part = _read(path.parent / str(name))
        both = sorted(set(part.value) & set(value))
        if both:
            raise MisconfiguredError(part.fault((both[0],), f"also stands in {path.name}; keep one"))
        validate_part(part)
        value |= part.value
    config = validate(document, Config, value)
    data_dir = config.hub.data_dir
    hub = config.hub.model_copy(update={"data_dir": path.parent.absolute() / data_dir})
    mappings = tuple(path.parent.absolute() / folder for folder in config.mappings)
    return with_tariffs(config.model_copy(update={"hub": hub, "mappings": mappings}), path)


def with_tariffs(config: Config, path: Path) -> Config:
    """``config``, which stands in the file ``path``, with its rate cards and transit days filled in.

    Raises:
        MisconfiguredError: A tariff sheet can't be read, or nobody says how long a service takes.
    """
    cards = tuple(_filled_in(card, path.parent) for card in config.rate_cards)
    services = tuple(_with_transit_days(service, cards, path) for service in config.services)
    return config.model_copy(update={"rate_cards": cards, "services": services})


def _filled_in(card: RateCardConfig, folder: Path) -> RateCardConfig:
    return (
        card if card.file is None else with_tariff(card, load_tariff_sheet(folder / card.file, card.dialect))
    )


def _with_transit_days(
    service: ServiceConfig, cards: tuple[RateCardConfig, ...], path: Path
) -> ServiceConfig:
    if service.transit_days:
        return service
    card = next((card for card in cards if card.id == service.rate_card), None)
    if card is None or not card.transit_days:
        raise MisconfiguredError(
            f"{path}: services.{service.id}.transit_days: say how long it takes, by zone; its rate card "
            f"{service.rate_card!r} does not",
            path=f"services.{service.id}.transit_days",
        )
    return service.model_copy(update={"transit_days": card.transit_days})


def file_and_line(path: Path, where: str) -> str:
    """File and line of a place in a configuration that has been read: ``policies.0.when``.

    Only mistakes are looked up: the files are read again.
    """
    location = tuple(int(step) if step.isdigit() else step for step in where.split("."))
    document = _read(path)
    included = document.value.get("include", [])
    parts = [_read(path.parent / str(name)) for name in (included if isinstance(included, list) else [])]
    holder = next((part for part in (document, *parts) if location[0] in part.value), document)
    return f"{holder.name}:{holder.line(location)}"


def validate_part(part: YamlDocument) -> None:
    """Check the fields of an included file by themselves, so that a mistake names that file's own line."""
    unknown = sorted(set(part.value) - set(Config.model_fields))
    if unknown:
        known = ", ".join(sorted(Config.model_fields))
        raise MisconfiguredError(part.fault((unknown[0],), f"unknown key; there are: {known}"))
    parts = {"nodes", "services", "rate_cards", "policies", "safety_stock"}
    validate(part, Config, {key: value for key, value in part.value.items() if key in parts} | _unwired(part))


def _unwired(part: YamlDocument) -> dict[str, object]:
    """Connections that an included file names and another declares: taken to exist, for the check alone."""
    nodes = part.value.get("nodes")
    names = {
        node["connection"]
        for node in (nodes if isinstance(nodes, list) else [])
        if isinstance(node, dict) and isinstance(node.get("connection"), str)
    }
    return {"connections": {name: {"connector": "?"} for name in names}} if names else {}


def resolve_secrets(value: object, where: str, environment: Mapping[str, str] | None = None) -> object:
    """``value`` with every ``${env:NAME}`` and ``${file:PATH}`` inside its strings filled in.

    Raises:
        MisconfiguredError: A variable or file is not there; the message names it, never its content.
    """
    environment = os.environ if environment is None else environment

    def fill(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind == "env":
            if name not in environment:
                raise MisconfiguredError(f"{where}: the environment variable {name} is not set", path=where)
            return environment[name]
        try:
            return Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise MisconfiguredError(
                f"{where}: the file {name} can't be read: {reason}", path=where
            ) from error

    if isinstance(value, str):
        return _REFERENCE.sub(fill, value)
    if isinstance(value, Mapping):
        return {key: resolve_secrets(item, f"{where}.{key}", environment) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_secrets(item, f"{where}.{index}", environment) for index, item in enumerate(value)]
    return value


def _read(path: Path) -> YamlDocument:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MisconfiguredError(
            f"{path}: there is no such file; `crossdock init` writes a first one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MisconfiguredError(f"{path}: can't be read ({error}); it must be a UTF-8 file") from error
    return yaml_document(text, str(path))
