"""`memlab serve`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from memlab.cli.common import every_command, show
from memlab.errors import InputError


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535), help="Port on localhost.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window.")
@every_command
def serve(port: int, browser: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """Open the pages in the browser."""
    from memlab.bundle import bundle
    from memlab.record.home import home_folder

    folder = home_folder(home)  # not the lab: the pages open it, and it takes seconds to import
    app = bundle() / "app.py"
    if not app.is_file():
        raise InputError(f"{app} is missing. Install memlab again.")
    url = f"http://localhost:{port}"
    show({"url": url, "home": str(folder)}, as_json, [f"memlab: {url}   (home: {folder}; Ctrl+C ends it)"])
    environment = {
        **os.environ,
        "MEMLAB_HOME": str(folder),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "true",  # else Streamlit lays advice for developers over the page
    }
    command = [sys.executable, "-m", "memlab.ui.server", str(port)]
    if browser:
        subprocess.Popen([sys.executable, "-m", "memlab.browser", str(port)], stderr=subprocess.DEVNULL)
    sys.stdout.flush()
    if os.name == "posix":  # becomes the server, so that whoever ends this process ends the server
        os.execve(command[0], command, environment)
    try:
        sys.exit(subprocess.call(command, env=environment))
    except KeyboardInterrupt:
        sys.exit(0)
