"""``crossdock topics``: makes the topics of a hub on Kafka, changes and lists them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, opened, state_text, write_json

if TYPE_CHECKING:
    from crossdock.streams.kafka.settings import KafkaSettings
    from crossdock.streams.kafka.topics import Change, TopicState

__all__ = ["topics_app"]

topics_app = typer.Typer(no_args_is_help=True)

_WAIT_SECONDS = 120.0


@topics_app.command("list")
def list_topics(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """The topics that there are, and what is not as the configuration says."""
    from crossdock.streams.kafka.topics import days

    states, changes = asyncio.run(_looked_at(_settings(config)))
    if json:
        write_json({"topics": states, "changes": changes})
        return
    rows = (
        (each.name, each.partitions, each.replicas, _cleanup(each), days(each.retention)) for each in states
    )
    console().print(grid("topic", "#partitions", "#replicas", "cleanup", "kept for", rows=rows))
    if changes:
        _print(changes, done=False)
        console().print("crossdock topics apply makes them so", markup=False)


@topics_app.command()
def apply(
    config: ConfigFile = Path("crossdock.yaml"),
    dry_run: Annotated[bool, typer.Option(help="Only tell what would be done.")] = False,
    wait_seconds: Annotated[
        float, typer.Option(min=1, help="How long topics that get partitions may take to be emptied first.")
    ] = _WAIT_SECONDS,
    json: AsJson = False,
) -> None:
    """Make the topics as the configuration says. Twice does nothing more; partitions are never taken away.

    More partitions move keys to other partitions. So the relay stops first and what is published is handled: else a
    message could overtake an earlier one of its key. Exit code 1: something was refused.
    """
    from crossdock.streams.kafka.growing import quiet_topics
    from crossdock.streams.kafka.topics import open_topics

    settings = _settings(config)

    async def work() -> list[Change]:
        async with open_topics(settings) as topics:
            changes = await topics.changes()
            if dry_run or not changes:
                return changes
            growing = {each.topic for each in changes if each.what == "partitions" and not each.refused}
            if not growing:
                await topics.apply(changes)
                return changes
            with opened(config) as (_, database):
                async with quiet_topics(database, growing, wait_seconds):
                    await topics.apply(changes)
            return changes

    changes = asyncio.run(work())
    if json:
        write_json({"changes": changes, "done": not dry_run})
    elif changes:
        _print(changes, done=not dry_run)
    else:
        console().print("the topics are as the configuration says", markup=False)
    raise typer.Exit(1 if any(each.refused for each in changes) else 0)


@topics_app.command()
def resend(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Have everything published again that some processor has not handled: after Kafka has lost messages, or was
    replaced. What has been handled is recognised.
    """
    from crossdock.sdk.clock import SystemClock
    from crossdock.store.relaying import rewind_relay

    _settings(config)
    with opened(config) as (_, database):
        count = database.transact_now(lambda connection: rewind_relay(connection, SystemClock().now()))
    if json:
        write_json({"messages": count})
    else:
        console().print(f"{count} messages will be published again", markup=False)


def _settings(config: Path) -> KafkaSettings:
    from crossdock.config.load import load_config
    from crossdock.errors import MisconfiguredError
    from crossdock.streams.kafka.settings import kafka_settings

    loaded = load_config(config)
    if loaded.hub.runtime != "kafka":
        raise MisconfiguredError(
            f"hub.runtime is {loaded.hub.runtime}, whose topics are rows of the database; write kafka",
            path="hub.runtime",
        )
    return kafka_settings(loaded)


async def _looked_at(settings: KafkaSettings) -> tuple[list[TopicState], list[Change]]:
    from crossdock.streams.kafka.topics import open_topics

    async with open_topics(settings) as topics:
        return await topics.states(), await topics.changes()


def _print(changes: list[Change], *, done: bool) -> None:
    rows = (
        (
            each.topic,
            each.what,
            each.before,
            each.after,
            state_text("rejected" if each.refused else "done" if done else "pending"),
            each.refused,
        )
        for each in changes
    )
    console().print(grid("topic", "what", "is", "is to be", "", "why not", rows=rows))


def _cleanup(state: TopicState) -> str:
    return "compact" if state.compacted else "delete"
