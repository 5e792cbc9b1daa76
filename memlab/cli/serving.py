"""`memlab serve`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import every_command, show
from memlab.errors import InputError
from memlab.ui.classroom.passes import MOST_SEATS, SEATS


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535), help="Port on localhost.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window.")
@click.option(
    "--share", is_flag=True, help="Let a class in the room take part, through this computer's network address."
)
@click.option("--address", help="With --share: which address of this computer (default: the one on its network).")
@click.option(
    "--seats", type=click.IntRange(1, MOST_SEATS), help=f"With --share: guests at one time.  [default: {SEATS}]"
)
@every_command
def serve(
    port: int,
    browser: bool,
    share: bool,
    address: str | None,
    seats: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Open the pages in the browser; with --share also for a class in the room, who guess on their phones."""
    from memlab.bundle import bundle
    from memlab.record.home import home_folder

    if not share and (address or seats):
        raise click.UsageError("--address and --seats need --share.")
    folder = home_folder(home)  # not the lab: the pages open it, and it takes seconds to import
    app = bundle() / "app.py"
    if not app.is_file():
        raise InputError(f"{app} is missing. Install memlab again.")
    environment = {
        **os.environ,
        "MEMLAB_HOME": str(folder),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "true",  # otherwise Streamlit shows advice for developers on top of the page
    }
    url = opened = f"http://localhost:{port}"
    said: dict[str, Any] = {"url": url, "home": str(folder)}
    lines = [f"memlab: {url}   (home: {folder}; Ctrl+C ends it)"]
    if share:
        from memlab.cli.share import invite

        invitation = invite(address, port, workspace, seats)
        said, lines = {**said, "class": invitation.to_dict()}, [*invitation.lines(), *lines]
        environment |= invitation.environment()
        opened = invitation.lecturer
    show(said, as_json, lines)
    if browser:
        told = {**os.environ, "MEMLAB_OPEN": opened}  # not an argument, which other users of the computer could read
        subprocess.Popen([sys.executable, "-m", "memlab.browser", str(port)], stderr=subprocess.DEVNULL, env=told)
    _become([sys.executable, "-m", "memlab.ui.app.server", str(port)], environment)


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Replaces this process by the server."""
    sys.stdout.flush()
    if os.name == "posix":  # the same process id, so that whoever ends this process ends the server
        os.execve(command[0], command, environment)
    try:
        sys.exit(subprocess.call(command, env=environment))
    except KeyboardInterrupt:
        sys.exit(0)
