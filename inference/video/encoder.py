"""One ffmpeg process that encodes frames, fed from a thread; it never stays behind."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np

from poselift.data.errors import MissingDependency, OutputError

_SPEAKER = re.compile(r"^(\[[^]]* @ 0x[0-9a-f]+\] )+")  # "[out#0/mp4 @ 0x5603a208ba00] "
QUEUED_FRAMES = 4
_FILE = "file:"


@contextmanager
def encoding(output: Any, path: Path) -> Iterator[Encoder]:
    """Run ffmpeg on a graph: finished after the block, killed after an error in it."""
    encoder = Encoder(output, path)
    try:
        yield encoder
        encoder.finish()
    finally:
        encoder.stop()


class Encoder:
    """An ffmpeg process, a thread that feeds it and a thread that reads its complaints."""

    def __init__(self, output: Any, path: Path) -> None:
        self._path = path
        quiet = ("-nostdin", "-hide_banner", "-loglevel", "error")
        # Sound that mostly fails to decode is no reason to lose the picture.
        node = output.global_args(*quiet, "-max_error_rate", "1")
        words = ffmpeg.compile(node, cmd=_ffmpeg(), overwrite_output=True)
        command = [_spelled(word) for word in words]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=nowhere, stderr=pipe)
        except OSError as error:
            raise _no_ffmpeg(error) from error
        self._queue: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(QUEUED_FRAMES)
        self._stopping = threading.Event()
        self._complaints: deque[str] = deque(maxlen=20)
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._feeder.start()
        self._reader.start()

    def put(self, frame: np.ndarray, copies: int) -> None:
        self._put((frame, copies))

    def finish(self) -> None:
        """Wait for the file's end. Raises: OutputError."""
        self._put(None)
        self._feeder.join()
        if self._process.wait() != 0:
            raise self._failure()

    def stop(self) -> None:
        """Leave nothing running, whatever happened."""
        self._stopping.set()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._feeder.join()
        self._reader.join()

    def _put(self, item: tuple[np.ndarray, int] | None) -> None:
        while True:
            if not self._feeder.is_alive():
                raise self._failure()
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue

    def _feed(self) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                while not self._stopping.is_set():
                    try:
                        item = self._queue.get(timeout=0.1)
                    except queue.Empty:
                        continue
                    if item is None:
                        return
                    raw = _planar(item[0])
                    for _ in range(item[1]):
                        pipe.write(raw)
        except OSError:
            return  # ffmpeg is gone; _put sees that this thread is too and says why

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                text = _SPEAKER.sub("", line.decode(errors="replace").strip())
                if text:
                    self._complaints.append(text)

    def _failure(self) -> OutputError:
        code = self._process.wait()
        self._reader.join()
        reason = self._complaints[-1] if self._complaints else "no message"
        ended = f"was killed by signal {-code}" if code < 0 else f"stopped with status {code}"
        return OutputError(
            f"{self._path}: the video encoder {ended} ({reason}). "
            "Check the free space and memory, or render without the overlay (--render none)."
        )


def address(path: Path) -> str:
    """For a node of a graph, which must be Unicode, and a file's name need not be."""
    return _FILE + os.fsencode(path).decode("latin-1")


def _spelled(word: str) -> str:
    """A word of a command with the file's name as the system spells it."""
    return os.fsdecode(word.encode("latin-1")) if word.startswith(_FILE) else word


def _planar(frame: np.ndarray) -> memoryview:
    """RGB -> I420 bytes: half the pipe's load, and faster here than in ffmpeg."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)).data


def _ffmpeg() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise _no_ffmpeg(error) from error


def _no_ffmpeg(error: Exception) -> MissingDependency:
    return MissingDependency(
        f"no ffmpeg for writing video ({error}). Install imageio-ffmpeg's wheel, or name one "
        "with the environment variable IMAGEIO_FFMPEG_EXE."
    )
