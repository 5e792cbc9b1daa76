"""The positions of presentations, passed from their window to the one with the notes; kept in this process only."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace

import streamlit as st

from memlab.corpus.lessons import Step

MOST = 100  # presentations that are remembered
READ = 5.0  # seconds after its last look for which a window with notes counts as open
_KEY = "present.talk"


@dataclass(frozen=True)
class Talk:
    """One presentation: its title, step and next step, stage and number of stages, and when it began."""

    title: str
    step: Step
    after: Step | None
    stage: int
    stages: int
    begun: float
    read: float = 0.0  # when a window with notes last looked


_talks: OrderedDict[str, Talk] = OrderedDict()
_lock = threading.Lock()


def tell(title: str, step: Step, after: Step | None, stage: int, stages: int) -> str:
    """Records where this session's presentation is. Returns its name, which is random and cannot be guessed."""
    name = str(st.session_state.setdefault(_KEY, secrets.token_urlsafe(12)))
    with _lock:
        before = _talks.pop(name, None)
        begun, read = (before.begun, before.read) if before is not None else (time.time(), 0.0)
        _talks[name] = Talk(title, step, after, stage, stages, begun, read)
        while len(_talks) > MOST:
            _talks.popitem(last=False)
    return name


def look(name: str) -> Talk | None:
    """The position of a presentation; None where it is over or unknown."""
    with _lock:
        if name not in _talks:
            return None
        _talks[name] = replace(_talks[name], read=time.time())
        return _talks[name]


def has_notes(name: str) -> bool:
    """Whether a window shows the notes of this presentation."""
    with _lock:
        return name in _talks and time.time() - _talks[name].read < READ
