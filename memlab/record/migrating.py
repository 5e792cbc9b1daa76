"""Migrating the tables of a database with Alembic; imported only where that is needed."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError


def known_versions() -> set[str]:
    """The versions of the tables that have a migration."""
    return {script.revision for script in ScriptDirectory.from_config(_settings()).walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Runs the migrations that the database does not have yet. Raises SQLAlchemyError."""
    settings = _settings()
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise SQLAlchemyError(str(error)) from error


def _settings() -> Config:
    """Alembic's configuration; there is no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return settings
