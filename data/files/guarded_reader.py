"""Arrays read in a process of their own, which may crash, hang or run out of memory.

The libraries for CDF, MATLAB and HDF5 files are made for files that are whole: a damaged
one can make SciPy follow a wild pointer and cdflib walk in a circle. Here that ends the
reading process, and the file is reported like any damaged file.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

import poselift
from poselift.data.errors import FormatError, MissingDependency

WORKER = Path(__file__).with_name("array_worker.py")
PACKAGES = str(Path(poselift.__path__[0]).parent)
# A take of Human3.6M is read in a fraction of a second.
LIMIT_S = 60.0


class GuardedReader:
    """An ArrayReader of matrix_files. Starts its process when first asked; use with `with`."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GuardedReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def __call__(self, kind: str, label: str, content: bytes, *names: str) -> list[np.ndarray]:
        """See read_arrays. Raises: FormatError, MissingDependency."""
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        too_late = threading.Timer(self._limit_s, process.kill)
        too_late.start()
        try:
            send(process.stdin, json.dumps([kind, label, *names]).encode(), content)
            answer = json.loads(receive(process.stdout))
            arrays = [_array(process.stdout, *about) for about in answer.get("arrays", ())]
        except (OSError, EOFError) as error:
            self._end()
            raise FormatError(
                f"{label}: reading it crashed or took more than {self._limit_s:g} s; it is "
                "damaged. Get it again."
            ) from error
        finally:
            too_late.cancel()
        if "missing" in answer:
            raise MissingDependency(answer["missing"])
        if "damaged" in answer:
            raise FormatError(answer["damaged"])
        return arrays

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER), PACKAGES],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def send(stream: IO[bytes], *parts: bytes) -> None:
    """Each part behind its length. Raises: OSError: nobody reads any more."""
    for part in parts:
        stream.write(struct.pack("<Q", len(part)))
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """The next part. Raises: EOFError: the other side has ended."""
    return _exactly(stream, struct.unpack("<Q", _exactly(stream, 8))[0])


def _array(stream: IO[bytes], dtype: str, shape: list[int]) -> np.ndarray:
    return np.frombuffer(receive(stream), np.dtype(dtype)).reshape(shape)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content
