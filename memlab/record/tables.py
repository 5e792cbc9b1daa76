"""The tables of the record: workspaces, their edits, jobs, and batches of prompts with notes on them.

Rows of `edits` are only ever added; a workspace row carries the number and hash of its last edit, so
that edits missing at the end are noticed too. Times are ISO 8601 in UTC. Changes to a table need a
migration (`memlab/record/migrations/versions/`); a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = JSON(none_as_null=True)
Sha256 = String(64)


class Base(DeclarativeBase):
    """Root of the tables."""


class Workspace(Base):
    """A named overlay. `base` says where it came from ("default at edit 3"); `head` counts its edits."""

    __tablename__ = "workspaces"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    created: Mapped[str] = mapped_column(String(40))
    base: Mapped[str | None] = mapped_column(Text)
    head: Mapped[int] = mapped_column(Integer)
    head_hash: Mapped[str] = mapped_column(Sha256)


class Edit(Base):
    """One row of the ledger; its fields are explained at `hash_chain.EditRow`."""

    __tablename__ = "edits"
    __table_args__ = (UniqueConstraint("workspace_id", "sequence"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    time: Mapped[str] = mapped_column(String(40))
    author: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    summary: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    inverse: Mapped[dict[str, Any] | None] = mapped_column(Json)
    delta: Mapped[str | None] = mapped_column(Sha256)
    before: Mapped[dict[str, Any] | None] = mapped_column(Json)
    after: Mapped[dict[str, Any] | None] = mapped_column(Json)
    previous: Mapped[str] = mapped_column(Sha256)
    hash: Mapped[str] = mapped_column(Sha256)


class Job(Base):
    """One piece of long work; its fields are explained at `job_info.JobInfo`.

    `host`, `pid` and `runner` name the process that runs it; `heartbeat` is when that process last
    showed that it is alive (seconds since 1970); `stop` asks it to stop.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any] | None] = mapped_column(Json)
    resumable: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(20))
    fraction: Mapped[float] = mapped_column(Float)
    message: Mapped[str] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    result: Mapped[Any] = mapped_column(Json, nullable=True)
    created: Mapped[str] = mapped_column(String(40))
    started: Mapped[str | None] = mapped_column(String(40))
    ended: Mapped[str | None] = mapped_column(String(40))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int] = mapped_column(Integer)
    runner: Mapped[str] = mapped_column(String(36))
    heartbeat: Mapped[float] = mapped_column(Float)
    stop: Mapped[bool] = mapped_column(Boolean)


class Batch(Base):
    """A batch of prompts that was asked in a workspace: what was asked (`asked`), and the resulting rows.

    `fingerprint` is the SHA-256 of everything that the rows depend on: asking the same again finds the batch.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("workspace_id", "fingerprint"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    fingerprint: Mapped[str] = mapped_column(Sha256)
    created: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    asked: Mapped[dict[str, Any]] = mapped_column(Json)
    rows: Mapped[list[Any]] = mapped_column(Json)


class PromptNote(Base):
    """What a person noted about a prompt in a workspace; `prompt_hash` is the SHA-256 of the prompt."""

    __tablename__ = "prompt_notes"
    __table_args__ = (UniqueConstraint("workspace_id", "prompt_hash"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    prompt_hash: Mapped[str] = mapped_column(Sha256)
    prompt: Mapped[str] = mapped_column(Text)
    starred: Mapped[bool] = mapped_column(Boolean)
    note: Mapped[str] = mapped_column(Text)
    changed: Mapped[str] = mapped_column(String(40))
