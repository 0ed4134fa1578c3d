"""The newest frame to browsers: one page, and a WebSocket that feeds it.

By default for this computer alone. Whoever connects must know the token in the address; a page
of somebody else's that sends a browser here is turned away by its Origin, and a name that was
pointed here by its Host. Nothing is read from clients, and no file is served.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import struct
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np

from poselift.data.errors import MissingDependency, OutputError, one_line, reason_of
from poselift.inference.live.frames import LiveFrame
from poselift.pipeline.live.messages import head_of, line_of, person_table
from poselift.pipeline.live.outputs import Place
from poselift.pipeline.viewer.live_page import live_page

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

MOST_CLIENTS = 4
# Bytes of a message that a client may send; what it says is not looked at.
LARGEST_MESSAGE = 1024
# Seconds that a client may take for one frame, and that starting and ending may take.
SLOWEST_S, START_S, CLOSE_S = 10.0, 10.0, 3.0
# Pixels of the longer side, and the quality of JPEG, that a browser is sent.
PICTURE_SIDE, PICTURE_QUALITY = 640, 75
SHOWN = ("id", "seen", "xy", "confidence", "world")
LIVE = "/live"


class PageServer:
    """See Output; stops with `close`.

    Attributes:
        url: to be opened in a browser.
        clients: that are connected.
    """

    def __init__(self, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve from now on.

        Args:
            name: what the source is called.
            port: 0 takes one that is free.
        Raises: MissingDependency; OutputError: the port is taken.
        """
        try:
            import websockets.asyncio.server  # noqa: F401
        except ImportError as error:
            raise MissingDependency(
                "--serve needs 'websockets', which is not installed: pip install 'poselift[live]'."
            ) from error
        self._name, self._host, self._port = name, host, port
        self._token = secrets.token_urlsafe(16)
        self._newest: LiveFrame | None = None
        self._message: tuple[int, bytes] | None = None
        self.clients = 0
        self._loop = asyncio.new_event_loop()
        self._come = asyncio.Event()
        self._ended = asyncio.Event()
        self._started = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)
        self._thread.start()
        if not self._started.wait(START_S) or self._error is not None:
            why = reason_of(self._error) if self._error else "no answer"
            raise OutputError(
                f"{one_line(Place(host, port))}: cannot be served at ({why}). Choose another port, "
                "or leave it out to take a free one."
            )
        self.url = f"http://{Place(self._shown_host, self._port)}/?token={self._token}"

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        if self.clients:
            self._loop.call_soon_threadsafe(self._put, frame)

    def close(self) -> None:
        """See Output.close."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(CLOSE_S)

    @property
    def _shown_host(self) -> str:
        return "127.0.0.1" if self._anywhere else self._host

    @property
    def _anywhere(self) -> bool:
        return self._host in ("0.0.0.0", "::")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._error = error
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        quiet = logging.getLogger("poselift.live.serving")
        quiet.setLevel(logging.CRITICAL)  # what strangers send is no news
        async with serve(
            self._feed,
            self._host,
            self._port,
            process_request=self._answer,
            max_size=LARGEST_MESSAGE,
            max_queue=1,
            compression=None,
            server_header=None,
            logger=quiet,
            close_timeout=1,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._ended.wait()

    def _put(self, frame: LiveFrame) -> None:
        self._newest = frame
        self._come.set()
        self._come = asyncio.Event()

    async def _feed(self, connection: ServerConnection) -> None:
        """Send one client the newest frame whenever it is ready for it."""
        from websockets.exceptions import ConnectionClosed

        told = -1
        self.clients += 1
        try:
            if self.clients > MOST_CLIENTS:  # several came at once
                return
            while True:
                frame = self._newest
                if frame is None or frame.index == told:
                    waiting = {
                        asyncio.ensure_future(self._come.wait()),
                        asyncio.ensure_future(connection.wait_closed()),
                    }
                    _, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for other in left:
                        other.cancel()
                    if connection.close_code is not None:
                        return
                    continue
                told = frame.index
                await asyncio.wait_for(connection.send(self._message_of(frame)), SLOWEST_S)
        except (ConnectionClosed, asyncio.TimeoutError):
            return
        finally:
            self.clients -= 1

    def _message_of(self, frame: LiveFrame) -> bytes:
        """Made once for all clients."""
        if self._message is None or self._message[0] != frame.index:
            self._message = frame.index, message_of(frame)
        return self._message[1]

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The page, a refusal, or None: the client may be fed."""
        path = urlsplit(request.path)
        host = request.headers.get("Host", "")
        token = parse_qs(path.query).get("token", [""])[0]
        if not self._is_ours(host):
            return self._refused(connection, HTTPStatus.MISDIRECTED_REQUEST, "unknown host")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return self._refused(
                connection, HTTPStatus.FORBIDDEN, "open the address as it was told"
            )
        if path.path == "/":
            answer = connection.respond(HTTPStatus.OK, live_page(self._name, host))
            del answer.headers["Content-Type"]
            answer.headers["Content-Type"] = "text/html; charset=utf-8"
            return _guarded(answer)
        if path.path != LIVE:
            return self._refused(connection, HTTPStatus.NOT_FOUND, "there is one page only")
        if request.headers.get("Origin", "") != f"http://{host}":
            return self._refused(connection, HTTPStatus.FORBIDDEN, "not from another page")
        if self.clients >= MOST_CLIENTS:
            return self._refused(connection, HTTPStatus.SERVICE_UNAVAILABLE, "too many clients")
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a browser came by an address of ours, and not by a stranger's name for it."""
        try:
            place = Place.of(host if host.rpartition(":")[2].isdecimal() else f"{host}:80")
        except ValueError:
            return False
        if place.port != self._port:
            return False
        if place.host in (self._host, "localhost"):
            return True
        return self._anywhere and _is_address(place.host)

    def _refused(self, connection: ServerConnection, status: HTTPStatus, why: str) -> Response:
        return _guarded(connection.respond(status, f"{status.value}: {why}\n"))


def _guarded(answer: Any) -> Any:
    """With what keeps a page to itself."""
    for name, value in (
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "frame-ancestors 'none'"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ):
        answer.headers[name] = value
    return answer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def message_of(frame: LiveFrame) -> bytes:
    """Four bytes that say how long the JSON after them is, and a JPEG."""
    people = [
        {name: value for name, value in person_table(person).items() if name in SHOWN}
        for person in frame.people
    ]
    text = line_of(head_of(frame) | {"people": people}).encode()
    return struct.pack("<I", len(text)) + text + _jpeg(frame.image)


def _jpeg(image: np.ndarray) -> bytes:
    height, width = image.shape[:2]
    share = min(1.0, PICTURE_SIDE / max(width, height))
    if share < 1:
        size = max(1, round(width * share)), max(1, round(height * share))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY]
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    return packed.tobytes()
