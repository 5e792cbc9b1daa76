"""What `memlab serve --share` works out and prints: the address of the network, tokens, a QR code."""

from __future__ import annotations

import io
import ipaddress
import json
import socket
from dataclasses import dataclass
from typing import Any

from memlab.errors import InputError
from memlab.ui.classroom.gate import JOIN, LEAD
from memlab.ui.classroom.passes import SEATS, Passes
from memlab.ui.classroom.room import ENVIRONMENT

NOT_HERE = ("192.0.2.1", 9)  # reserved for documentation: connecting a UDP socket picks a local address, sends nothing


@dataclass(frozen=True)
class Invitation:
    """How guests and the lecturer reach a shared server."""

    address: str
    port: int
    workspace: str
    passes: Passes

    @property
    def guests(self) -> str:
        """The address for guests, with the token."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}{JOIN}{self.passes.guest_token}"

    @property
    def lecturer(self) -> str:
        """The address for the lecturer, with another token; only on this machine."""
        return f"http://localhost:{self.port}{LEAD}{self.passes.lecturer_token}"

    def environment(self) -> dict[str, str]:
        """The environment variable that passes the invitation to the server."""
        told = {
            "address": self.address,
            "workspace": self.workspace,
            "guest_token": self.passes.guest_token,
            "lecturer_token": self.passes.lecturer_token,
            "seats": self.passes.seats,
        }
        return {ENVIRONMENT: json.dumps(told)}

    def to_dict(self) -> dict[str, Any]:
        return {
            "guests": self.guests,
            "token": self.passes.guest_token,
            "lecturer": self.lecturer,
            "seats": self.passes.seats,
            "workspace": self.workspace,
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        return [
            *qr_code(self.guests).splitlines(),
            f"guests:   {self.guests}   (token {self.passes.guest_token}, at most {self.passes.seats} at one time)",
            f"lecturer: {self.lecturer}   (on this computer only; keep it to yourself)",
            "Guests see one page: they guess, and ask in a copy of the workspace that they cannot change.",
            "The connection is not encrypted, and there are no accounts: share it for a lecture only. Ctrl+C ends it.",
        ]


def invite(address: str | None, port: int, workspace: str, seats: int | None) -> Invitation:
    """An invitation with new tokens. Raises InputError for an address that this computer does not have."""
    return Invitation(network_address(address), port, workspace, Passes(seats=seats or SEATS))


def qr_code(text: str) -> str:
    """A QR code drawn with half-block characters, two rows to a line."""
    import segno

    drawn = io.StringIO()
    segno.make(text, error="m").terminal(drawn, border=2, compact=True)
    return drawn.getvalue()


def network_address(given: str | None) -> str:
    """The address of this machine on its network, or the given one. Raises InputError where it has none such."""
    if given is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(NOT_HERE)
                given = str(probe.getsockname()[0])
            except OSError:
                given = ""
        if not given or ipaddress.ip_address(given).is_loopback:
            raise InputError(
                "This computer is on no network. Join one, or name an address of this computer: --address."
            )
    try:
        found = ipaddress.ip_address(given)
    except ValueError:
        raise InputError(
            f"--address is {given!r}; it must be an IP address of this computer, such as 192.168.1.20."
        ) from None
    if found.is_unspecified or str(found) in ("127.0.0.1", "::1"):
        raise InputError(f"--address is {given}; a class needs an address on the network, not localhost.")
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    with socket.socket(family) as tried:
        try:
            tried.bind((str(found), 0))
        except OSError as error:
            raise InputError(
                f"{found} is not an address of this computer ({error.strerror}). Leave out --address."
            ) from None
    return str(found)
