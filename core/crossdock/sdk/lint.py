"""What a schema can't say about a manifest: contradictions, forgotten parts, secrets in the open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from packaging.specifiers import SpecifierSet
from pydantic import BaseModel, SecretBytes, SecretStr

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.hosts import AllowedHost
from crossdock.sdk.manifest import (
    SDK_VERSION,
    AuthKind,
    Entity,
    Idempotency,
    Manifest,
    Role,
    StreamSpec,
)
from crossdock.sdk.redaction import looks_secret

__all__ = ["LintFinding", "Severity", "lint"]


class Severity(StrEnum):
    """Whether a finding fails the lint."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing to change: the rule's name, where in the manifest or configuration, and what to do."""

    severity: Severity
    rule: str
    path: str
    message: str


_Findings = Iterator[LintFinding]


def _error(rule: str, path: str, message: str) -> LintFinding:
    return LintFinding(Severity.ERROR, rule, path, message)


def _warning(rule: str, path: str, message: str) -> LintFinding:
    return LintFinding(Severity.WARNING, rule, path, message)


def lint(
    manifest: Manifest,
    config_model: type[BaseModel] | None,
    mappings_available: Collection[str] | None = None,
) -> list[LintFinding]:
    """Check a manifest against itself, its configuration model and the mappings there are.

    Args:
        manifest: The declaration.
        config_model: The connector's ``Config``, or ``None`` to leave out what needs it.
        mappings_available: Names such as ``shopify/order``, or ``None`` to leave that rule out.

    Returns:
        Findings in the order of the manifest; it passes when none is an error.
    """
    findings = [*_sdk_range(manifest), *_hosts(manifest)]
    for name, stream in manifest.streams.items():
        findings.extend(_stream(manifest, name, stream))
    findings.extend(_commands(manifest))
    if mappings_available is not None:
        findings.extend(_mappings(manifest, mappings_available))
    if config_model is not None:
        findings.extend(_secrets(config_model))
        findings.extend(_references(manifest, config_model))
    return findings


def _sdk_range(manifest: Manifest) -> _Findings:
    if SDK_VERSION not in SpecifierSet(manifest.sdk):
        yield _error(
            "sdk-range",
            "sdk",
            f"made for SDK {manifest.sdk}, this is {SDK_VERSION}; update the connector, then widen the range",
        )
    if not manifest.streams and not manifest.commands:
        yield _error("does-nothing", "streams", "there is neither a stream nor a command; declare one")
    for rule, reason in manifest.exempt.items():
        if not reason.strip():
            yield _error("exempt-reason", f"exempt.{rule}", "give the reason for the exemption")


def _hosts(manifest: Manifest) -> _Findings:
    for index, entry in enumerate(manifest.hosts):
        path = f"hosts.{index}"
        if entry.startswith("${") and entry.endswith("}"):
            continue
        try:
            host = AllowedHost.parse(entry.replace("${", "x").replace("}", "x")).host
        except (MisconfiguredError, ValueError):
            yield _error("hosts-invalid", path, f"{entry!r} is not a host; write host, host:port or a URL")
            continue
        labels = host.split(".")
        if not host.strip("*.") or (len(labels) > 1 and "*" in "".join(labels[-2:])):
            yield _error(
                "hosts-wildcard", path, f"{entry!r} permits half the internet; name the partner's domain"
            )
        if entry.startswith("http://"):
            yield _warning(
                "hosts-plain", path, f"{entry!r} is not encrypted; use https where the partner has it"
            )


def _stream(manifest: Manifest, name: str, stream: StreamSpec) -> _Findings:
    path = f"streams.{name}"
    match stream.role:
        case Role.RECEIVE:
            yield from _receive(manifest, path, stream)
        case Role.POLL:
            if stream.cursor is None:
                yield _error(
                    "cursor-missing", path, "say by which field the answer is ordered: add cursor.field"
                )
            elif stream.cursor.order == "none" and not stream.cursor.overlap:
                yield _warning(
                    "cursor-order",
                    f"{path}.cursor",
                    "an unordered answer needs an overlap, or changes are missed",
                )
        case Role.DROP:
            if stream.format is None:
                yield _error("format-missing", path, "say what the files are: add format, such as csv or x12")
    if stream.role is not Role.RECEIVE and (
        stream.topics or stream.reconciled_by or stream.answers or stream.wakes
    ):
        yield _error(
            "receive-only",
            path,
            "topics, reconciled_by, wakes and answers belong to a stream of role receive",
        )
    if stream.role is not Role.POLL and stream.cursor is not None:
        yield _error("poll-only", path, "cursor belongs to a stream of role poll")
    if stream.mapping is None and stream.wakes is None and stream.emits is not Entity.ACKNOWLEDGEMENT:
        yield _error("mapping-missing", path, f"say how a record becomes a {stream.emits}: add mapping")


def _receive(manifest: Manifest, path: str, stream: StreamSpec) -> _Findings:
    if stream.reconciled_by is None:
        yield _error(
            "webhook-unreconciled",
            path,
            "calls get lost: name in reconciled_by a stream of role poll that finds what did not come",
        )
        return
    other = manifest.streams.get(stream.reconciled_by)
    if other is None or other.role is Role.RECEIVE:
        polls = ", ".join(name for name, spec in manifest.streams.items() if spec.role is not Role.RECEIVE)
        yield _error(
            "webhook-unreconciled",
            f"{path}.reconciled_by",
            f"{stream.reconciled_by!r} is not a stream that we fetch ourselves; there are: {polls or 'none'}",
        )
    if stream.wakes is not None and stream.wakes != stream.reconciled_by:
        yield _error(
            "wakes-reconciler", f"{path}.wakes", "a bell wakes the stream that reconciles it; name it in both"
        )
    if stream.dedupe is None:
        yield _warning(
            "dedupe-missing", path, "name what makes a delivery unique; otherwise its bytes' hash is used"
        )


def _commands(manifest: Manifest) -> _Findings:
    for name, command in manifest.commands.items():
        path = f"commands.{name}"
        if command.idempotency is Idempotency.NONE:
            yield _warning(
                "idempotency-none",
                path,
                "after a lost answer a person must look; a probe or a natural key would save that",
            )
        if (command.result is None) != (command.emits is None):
            yield _error("result-emits", path, "result (the mapping of the answer) and emits go together")


def _mappings(manifest: Manifest, available: Collection[str]) -> _Findings:
    named = [(f"streams.{name}.mapping", stream.mapping) for name, stream in manifest.streams.items()]
    for name, command in manifest.commands.items():
        named += [(f"commands.{name}.mapping", command.mapping), (f"commands.{name}.result", command.result)]
    for path, mapping in named:
        if mapping is not None and mapping not in available:
            yield _error("mapping-unknown", path, f"there is no mapping {mapping!r}; add {mapping}.yaml")


def _secrets(config_model: type[BaseModel], prefix: str = "config", depth: int = 0) -> _Findings:
    for name, field in config_model.model_fields.items():
        types = set(_leaves(field.annotation))
        path = f"{prefix}.{name}"
        if looks_secret(name) and str in types and not types & {SecretStr, SecretBytes}:
            yield _error("secret-open", path, "looks like a secret: declare it as SecretStr")
        for kind in types:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and depth < 5:
                yield from _secrets(kind, path, depth + 1)
    if depth == 0 and config_model.model_config.get("extra") != "forbid":
        yield _error(
            "config-extra", prefix, 'a misspelt key must not pass: set model_config = {"extra": "forbid"}'
        )


def _leaves(annotation: object) -> Iterator[object]:
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)


def _references(manifest: Manifest, config_model: type[BaseModel]) -> _Findings:
    for index, entry in enumerate(manifest.hosts):
        for name in _named_fields(entry):
            if name not in config_model.model_fields:
                yield _error("hosts-reference", f"hosts.{index}", f"the configuration has no field {name!r}")
    needs_hosts = manifest.auth.kind not in (AuthKind.NONE, AuthKind.SSH)
    if needs_hosts and not manifest.hosts:
        yield _error("hosts-missing", "hosts", "list the partner's hosts; no other host can be reached")


def _named_fields(entry: str) -> Iterator[str]:
    for part in entry.split("${config.")[1:]:
        yield part.split("}", 1)[0].split(".", 1)[0]
