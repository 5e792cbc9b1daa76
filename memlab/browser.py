"""Opens the user's browser as soon as a server answers: `python -m memlab.browser PORT`."""

from __future__ import annotations

import os
import socket
import sys
import time
import webbrowser

PATIENCE = 60.0  # seconds to wait for the server


def open_when_ready(port: int) -> None:
    """Waits until localhost answers on `port`, then opens it; gives up quietly when it never does.

    $MEMLAB_OPEN: the address to open, if it is not the first page (in a class: the lecturer's address).
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(os.environ.get("MEMLAB_OPEN") or f"http://localhost:{port}")
            return


if __name__ == "__main__":
    open_when_ready(int(sys.argv[1]))
