"""Where live poses go: one interface, many at once; none of them holds up the others."""

from __future__ import annotations

import ipaddress
import socket
import sys
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from poselift.data.errors import OutputError, one_line, reason_of
from poselift.data.structures import count_of
from poselift.inference.live.frames import LiveFrame
from poselift.pipeline.live.messages import datagrams_of, line_of, table_of

# What goes through an Ethernet in one piece.
LARGEST_DATAGRAM = 1400


class Output(Protocol):
    """Something that frames are given to, as they are known."""

    def send(self, frame: LiveFrame) -> None:
        """Take a frame without waiting for anybody. Raises: OutputError: it never can again."""
        ...

    def close(self) -> None:
        """Finish. Raises: OutputError."""
        ...


class JsonLines:
    """A line of JSON a frame on standard output."""

    def send(self, frame: LiveFrame) -> None:
        """See Output.send. Raises: BrokenPipeError: nobody reads any more."""
        print(line_of(table_of(frame)), file=sys.stdout, flush=True)

    def close(self) -> None:
        """See Output.close."""


class StatusLine:
    """What happens, told in one line of a terminal about once a second."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._told: LiveFrame | None = None

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        before = self._told
        if before is not None and frame.time_s - before.time_s < 1:
            return
        self._told = frame
        rate = 0.0
        if before is not None:
            rate = (frame.index - before.index) / (frame.time_s - before.time_s)
        people = count_of(len(frame.people), "person")
        text = f"{people}, {rate:.0f} frames/s, {1000 * frame.age_s:.0f} ms old"
        self._terminal.write(f"\r{text}, {frame.dropped} dropped".ljust(72))
        self._terminal.flush()

    def close(self) -> None:
        """See Output.close."""
        if self._told is not None:
            self._terminal.write("\n")


@dataclass(frozen=True)
class Place:
    """A port of a computer."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str, host: str = "", *, free: bool = False) -> Place:
        """HOST:PORT, [IPV6]:PORT.

        Args:
            host: where the text gives a port only. free: port 0 is one that is free.
        Raises: ValueError.
        """
        told, colon, port = text.rpartition(":")
        told = told.removeprefix("[").removesuffix("]") if colon else host
        if not told or not port.isdecimal() or not (not free) <= int(port) <= 65535:
            raise ValueError(f"'{text}' is no place like 127.0.0.1:9000")
        return cls(told, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Datagrams:
    """Datagrams to a place, sent and forgotten.

    Attributes:
        lost: datagrams that the system did not take.
    """

    def __init__(self, place: Place) -> None:
        """Raises: OutputError: no such computer."""
        self.lost = 0
        try:
            found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            self._address: tuple[Any, ...] = address
            self._socket = socket.socket(family, kind, protocol)
        except (OSError, UnicodeError) as error:
            raise OutputError(
                f"{one_line(place)}: cannot be sent to ({reason_of(error)}). Check the name of the "
                "computer."
            ) from error
        self._socket.setblocking(False)
        if _is_broadcast(str(self._address[0])):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def put(self, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, self._address)
        except OSError:  # nobody is there, or too much at once: the next one is newer
            self.lost += 1

    def close(self) -> None:
        self._socket.close()


class UdpJson:
    """JSON datagrams; see messages.datagrams_of."""

    def __init__(self, place: Place) -> None:
        """Raises: OutputError."""
        self._datagrams = Datagrams(place)

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        for datagram in datagrams_of(frame, LARGEST_DATAGRAM):
            self._datagrams.put(datagram)

    def close(self) -> None:
        """See Output.close."""
        self._datagrams.close()


def _is_broadcast(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.version == 4 and str(address).endswith(".255")
