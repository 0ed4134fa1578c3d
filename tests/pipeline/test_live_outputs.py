"""Clients that read what live poses are sent as: OSC, WebSocket, Lab Streaming Layer."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
import websockets.sync.client
from foreign_files import Frames
from live_people import detections_of, pushed
from pythonosc.osc_bundle import OscBundle
from websockets.exceptions import ConnectionClosed, InvalidStatus

from poselift.data.errors import MissingDependency, OutputError
from poselift.data.exports.rotations import matrices_of
from poselift.data.skeletons import H36M17
from poselift.inference.live.frames import LiveFrame
from poselift.inference.poses.rigging import NAMES, PARENTS, SOURCES
from poselift.pipeline.live import serving
from poselift.pipeline.live.lab_streams import LabStreams
from poselift.pipeline.live.osc import bundle, message
from poselift.pipeline.live.outputs import Place
from poselift.pipeline.live.serving import MOST_CLIENTS, PageServer, message_of
from poselift.pipeline.live.vmc import BONES, Vmc


@pytest.fixture(scope="module")
def lived(frames: Frames) -> list[LiveFrame]:
    return list(pushed(detections_of(frames)[:18]))


def test_osc_is_read_by_others() -> None:
    packet = bundle([message("/a", 1, 2.5, "text"), message("/longer", "æ", -7)])
    assert len(packet) % 4 == 0
    told = [(m.address, list(m.params)) for m in OscBundle(packet)]
    assert told[0] == ("/a", [1, 2.5, "text"])
    assert told[1] == ("/longer", ["æ", -7])


def received(reader: socket.socket) -> dict[str, list[list[object]]]:
    told: dict[str, list[list[object]]] = {}
    for m in OscBundle(reader.recv(65535)):
        told.setdefault(m.address, []).append(list(m.params))
    return told


def test_an_avatar_stands_as_the_person_does(lived: list[LiveFrame]) -> None:
    """The bones put together again are the person, mirrored into Unity's axes."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as reader:
        reader.bind(("127.0.0.1", 0))
        reader.settimeout(5)
        output = Vmc(Place("127.0.0.1", reader.getsockname()[1]))
        told = []
        for frame in lived:
            output.send(frame)
            told.append(received(reader))
        output.close()
    assert told[0]["/VMC/Ext/OK"] == [[0]] and "/VMC/Ext/Bone/Pos" not in told[0]
    assert told[-1]["/VMC/Ext/OK"] == [[1]]
    assert told[-1]["/VMC/Ext/T"][0][0] == pytest.approx(lived[-1].time_s)
    assert told[-1]["/VMC/Ext/Root/Pos"] == [["root", 0, 0, 0, 0, 0, 0, 1]]
    bones = {str(row[0]): np.array(row[1:], float) for row in told[-1]["/VMC/Ext/Bone/Pos"]}
    assert set(bones) == set(BONES.values()) and {"LeftUpperArm", "RightFoot"} < set(bones)
    turned, places = np.zeros((19, 3, 3)), np.zeros((19, 3))
    for j, (name, parent) in enumerate(zip(NAMES, PARENTS, strict=True)):
        place, rotation = bones[BONES[name]][:3], matrices_of(bones[BONES[name]][3:])
        assert np.linalg.norm(bones[BONES[name]][3:]) == pytest.approx(1, abs=1e-5)
        turned[j] = rotation if parent < 0 else turned[parent] @ rotation
        places[j] = place if parent < 0 else places[parent] + turned[parent] @ place
    world = lived[-1].people[0].world
    wanted = np.stack([-world[:, 0], world[:, 2], -world[:, 1]], -1)
    off = [np.linalg.norm(places[j] - wanted[H36M17.index(s)]) for j, s in enumerate(SOURCES)]
    assert np.median(off) < 0.03 and max(off) < 0.12


def test_the_avatar_is_another_person_when_the_first_is_gone(lived: list[LiveFrame]) -> None:
    output = Vmc(Place("127.0.0.1", 9))
    output.send(lived[-2])
    assert output.person_id == 1
    output.send(replace(lived[-1], people=lived[-1].people[1:]))
    assert output.person_id == 2
    output.close()


@pytest.fixture
def server() -> Iterator[PageServer]:
    server = PageServer("<b>hall</b>.mp4")
    yield server
    server.close()


def parts_of(server: PageServer) -> tuple[str, int, str]:
    """(host:port, port, token)."""
    host, _, token = server.url.removeprefix("http://").partition("/?token=")
    return host, int(host.rpartition(":")[2]), token


def asked(
    server: PageServer, path: str, host: str = "", method: str = "GET"
) -> tuple[int, str, http.client.HTTPMessage]:
    there, port, _ = parts_of(server)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers={"Host": host or there})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_only_the_page_and_only_with_the_token(server: PageServer) -> None:
    host, port, token = parts_of(server)
    assert host.startswith("127.0.0.1:") and len(token) > 16
    status, page, headers = asked(server, f"/?token={token}")
    assert status == 200
    assert "&lt;b&gt;hall&lt;/b&gt;.mp4" in page and "<b>hall" not in page
    assert f"connect-src ws://{host}" in page and token not in page
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    for path in ("/", "/?token=", f"/?token={token[:-1]}", f"/live?token={token[::-1]}"):
        assert asked(server, path)[0] == 403
    for path in ("/page.css", "/../setup.cfg", "/%2e%2e/setup.cfg", "//etc/passwd"):
        status, text, _ = asked(server, f"{path}?token={token}")
        assert status == 404 and len(text) < 100
    for stranger in ("evil.example", f"evil.example:{port}", "127.0.0.1", "10.0.0.1:80"):
        assert asked(server, f"/?token={token}", host=stranger)[0] == 421
    assert asked(server, f"/?token={token}", host=f"localhost:{port}")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", f"/?token={token}", body="x" * 5000)
    with pytest.raises((http.client.HTTPException, OSError, AssertionError)):
        assert connection.getresponse().status < 400


def connected(server: PageServer, origin: str | None = "ours", token: str | None = None):  # type: ignore[no-untyped-def]
    host, _, own = parts_of(server)
    origin = f"http://{host}" if origin == "ours" else origin
    address = f"ws://{host}/live?token={own if token is None else token}"
    return websockets.sync.client.connect(address, origin=origin, max_size=None, open_timeout=5)


def test_the_websocket_gives_people_and_picture(server: PageServer, lived: list[LiveFrame]) -> None:
    with connected(server) as client:
        until(lambda: server.clients == 1)
        server.send(lived[-2])
        told = client.recv(timeout=5)
        assert isinstance(told, bytes) and told == message_of(lived[-2])
        (length,) = struct.unpack("<I", told[:4])
        frame = json.loads(told[4 : 4 + length])
        assert frame["frame"] == 16 and [p["id"] for p in frame["people"]] == [1, 2]
        assert set(frame["people"][0]) == {"id", "seen", "xy", "confidence", "world"}
        image = cv2.imdecode(np.frombuffer(told[4 + length :], np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (360, 640, 3)
    until(lambda: server.clients == 0)


@pytest.mark.parametrize(
    ("origin", "token", "status"),
    [("http://evil.example", None, 403), (None, None, 403), ("ours", "guess", 403)],
)
def test_strangers_are_turned_away(
    origin: str | None, token: str | None, status: int, server: PageServer
) -> None:
    with pytest.raises(InvalidStatus) as refused, connected(server, origin, token):
        pass
    assert refused.value.response.status_code == status


def test_limits_on_clients_and_what_they_say(server: PageServer) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(MOST_CLIENTS)]
        until(lambda: server.clients == MOST_CLIENTS)
        with pytest.raises(InvalidStatus) as refused, connected(server):
            pass
        assert refused.value.response.status_code == 503
        clients[0].send("x" * 100_000)  # too long a message ends it
        with pytest.raises(ConnectionClosed):
            clients[0].recv(timeout=5)
        until(lambda: server.clients == MOST_CLIENTS - 1)
    until(lambda: server.clients == 0)


def test_a_slow_client_holds_nobody_up(
    server: PageServer, lived: list[LiveFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that never reads: sending takes no time, and the other sees new frames."""
    monkeypatch.setattr(serving, "PICTURE_SIDE", 1280)
    noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    host, port, token = parts_of(server)
    with closing(socket.create_connection(("127.0.0.1", port))) as slow, connected(server) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(
            f"GET /live?token={token} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        until(lambda: server.clients == 2)
        longest = 0.0
        for index in range(20):
            frame = LiveFrame(index, index / 30, 0.0, noise, 1280, 720, (), lived[0].up, True)
            begun = time.perf_counter()
            server.send(frame)
            longest = max(longest, time.perf_counter() - begun)
            told = quick.recv(timeout=10)
            assert isinstance(told, bytes)
            (length,) = struct.unpack("<I", told[:4])
            assert json.loads(told[4 : 4 + length])["frame"] == index
    assert longest < 0.5


def test_servers_of_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    server = PageServer("a", "0.0.0.0")
    _, port, token = parts_of(server)
    assert server.url.startswith("http://127.0.0.1:")
    assert asked(server, f"/?token={token}", host=f"192.168.7.7:{port}")[0] == 200
    assert asked(server, f"/?token={token}", host=f"evil.example:{port}")[0] == 421
    with pytest.raises(OutputError, match="Choose another port"):
        PageServer("b", "0.0.0.0", port)
    server.close()
    server.close()
    monkeypatch.setitem(__import__("sys").modules, "websockets.asyncio.server", None)
    with pytest.raises(MissingDependency, match=r"poselift\[live\]"):
        PageServer("c")


def test_lab_streams_are_found_and_read(lived: list[LiveFrame]) -> None:
    pylsl = pytest.importorskip("pylsl", exc_type=(ImportError, RuntimeError))
    output = LabStreams(f"hall-{time.time_ns()}")
    output.send(lived[-2])
    found = [
        info
        for info in pylsl.resolve_byprop("type", "MoCap", minimum=2, timeout=10)
        if info.source_id().endswith(output._name)
    ]
    if len(found) < 2:
        output.close()
        pytest.skip("this network carries no multicast")
    one = next(info for info in found if info.name() == "Poselift-1")
    inlet = pylsl.StreamInlet(one)
    inlet.open_stream(timeout=10)
    for frame in itertools.repeat(lived[-2], 5):
        output.send(frame)
    sample, stamp = inlet.pull_sample(timeout=10)
    assert len(sample) == 3 * 17 + 1 and sample[-1] == 1
    np.testing.assert_allclose(np.array(sample[:-1]), lived[-2].people[0].world.ravel(), rtol=1e-5)
    assert 0 <= pylsl.local_clock() - stamp < 60
    labels = inlet.info().desc().child("channels").child("channel")
    assert labels.child_value("label") == "hip_x"
    output.close()


def until(condition, limit_s: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)
