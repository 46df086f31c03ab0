"""A real PostgreSQL for the tests: one cluster a session, one fresh database a test.

It does not wait for the disk: tests kill the hub, never the database or the machine under it. The server's
programs come from the operating system (``apt-get install postgresql``); the cluster lives in a temporary folder and
listens on a Unix socket there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

_USER = "postgres"
_START_SECONDS = 30.0
_INSTALL = "apt-get install postgresql"
_VERSION = "alembic_version"
_LARGE_BYTES = 40_000_000
_CUT_OFF = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_COUNT_ANEW = """SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL"""
_SCHEMA = """SELECT md5(string_agg(one, ',' ORDER BY one)) FROM (
    SELECT concat('r ', oid, relname, relkind) AS one FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('c ', oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat('t ', oid) FROM pg_trigger
    UNION ALL SELECT concat('p ', oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat('a ', attrelid, attname, atttypid, attnotnull) FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
) AS things"""


@dataclass(slots=True)
class PostgresServer:
    """A running cluster."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def create_database(self, template: str = "template1") -> str:
        """A fresh database; returns its name. A copy of ``template`` is a copy of files: cheap."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start, also again after ``stop`` or ``kill``."""
        arguments = [
            self.programs / "postgres",
            *("-D", self.folder / "data"),
            *("-k", self.folder),
            *("-c", "listen_addresses="),
            *("-c", "max_connections=100"),
            *("-c", "fsync=off"),
            *("-c", "full_page_writes=off"),
        ]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*_as_postgres(), *map(str, arguments)], stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("PostgreSQL did not start:\n" + (self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop fast: connections are cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(_START_SECONDS)
            self.process = None


@dataclass(slots=True)
class PostgresDatabases:
    """Databases that tests take one after the other: emptying one costs a tenth of making one.

    One whose schema a test has changed, or that has grown, is dropped instead.
    """

    server: PostgresServer
    template: str
    _free: list[str] = field(default_factory=list)
    _schema: str = ""

    def take(self) -> str:
        """The name of an empty one."""
        if self._free:
            return self._free.pop()
        name = self.server.create_database(self.template)
        if not self._schema:
            with psycopg.connect(self.server.url(name)) as connection:
                self._schema = _value(connection, _SCHEMA)
                filled = [each for each in _tables(connection) if each != _VERSION]
                assert filled == [], f"the schema comes with rows in {filled}: let emptying keep them"
        return name

    def give_back(self, name: str) -> None:
        """Empty it, and cut off who is still connected."""
        if self._is_empty_again(name):
            self._free.append(name)
        else:
            self.server.drop_database(name)

    def _is_empty_again(self, name: str) -> bool:
        try:
            with psycopg.connect(self.server.url(name), autocommit=True) as connection:
                connection.execute(_CUT_OFF)
                if _value(connection, _SCHEMA) != self._schema:
                    return False
                connection.execute("SET session_replication_role = replica")  # foreign keys are not asked
                for table in _tables(connection):
                    if table != _VERSION:
                        connection.execute(f'DELETE FROM "{table}"'.encode())
                connection.execute(_COUNT_ANEW)
                return int(_value(connection, "SELECT pg_database_size(current_database())")) < _LARGE_BYTES
        except psycopg.OperationalError:  # a test has stopped the server, or gone off with the database
            return False


def _value(connection: psycopg.Connection, query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _tables(connection: psycopg.Connection) -> list[str]:
    """Those that hold rows."""
    there = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for (name,) in there)
    return [row[0] for row in connection.execute(" UNION ALL ".join(asked).encode())]


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]


def _programs() -> Path | None:
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda each: int(each.parts[-3])
    )
    return installed[-1].parent if installed else None


def _require_programs() -> Path:
    programs = _programs()
    if programs is None:
        reason = f"PostgreSQL is not installed: {_INSTALL}"
        if os.environ.get("CROSSDOCK_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return programs


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A fresh cluster; skips where PostgreSQL is not installed."""
    programs = _require_programs()
    folder = Path(tempfile.mkdtemp(prefix="crossdock-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
        initdb = [
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        subprocess.run([*_as_postgres(), *map(str, initdb)], check=True, capture_output=True, cwd=folder)
        server = PostgresServer(folder, programs)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The cluster of the session; skips where PostgreSQL is not installed."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """A database with the schema in it, to copy."""
    from crossdock.store.engine import create_store_engine
    from crossdock.store.migrations import migrate

    name = "crossdock_template"
    postgres_server.execute(f"CREATE DATABASE {name}")
    engine = create_store_engine(postgres_server.url(name))
    migrate(engine)
    engine.dispose()
    return name


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: PostgresServer, postgres_template: str) -> PostgresDatabases:
    return PostgresDatabases(postgres_server, postgres_template)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of a database with the schema in it, and nothing else."""
    name = postgres_databases.take()
    yield postgres_server.url(name)
    postgres_databases.give_back(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)
