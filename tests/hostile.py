"""How attackers write files: pickles that call, headers that claim, archives that unfold."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Calls:
    """Unpickles into a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def boxed(value: Any) -> np.ndarray:
    holder = np.empty((), object)
    holder[()] = value
    return holder


def hostile_values(marker: Path) -> dict[str, Any]:
    """Values that would leave `marker` behind."""
    touch = Calls(os.system, f"touch {marker}")
    deep = np.empty((1, 2), object)
    deep[0, 0], deep[0, 1] = [], [touch]
    return {
        "system": touch,
        "eval": Calls(builtins.eval, f"open({str(marker)!r}, 'w')"),
        "open": Calls(open, str(marker), "w"),
        "getattr": Calls(getattr, "x", "join"),
        "memmap": Calls(np.memmap, str(marker), "u1", "w+", 0, (4,)),
        "nested": {"w": 640, "h": 360, "deeper": {"still": deep}},
    }


class Forged:
    """An array whose dtype lies: objects, flagged as plain bytes (addresses of choice)."""

    def __reduce__(self) -> Any:
        class Dtype:
            def __reduce__(self) -> Any:
                return np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)

        rebuild = np.zeros(0).__reduce__()[0]
        return rebuild, (np.ndarray, (0,), b"b"), (1, (2,), Dtype(), False, b"A" * 16)


def write_members(path: Path, dump: Callable[[Any, io.BytesIO], None], **members: Any) -> Path:
    """An .npz whose members are pickled by `dump`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in members.items():
            stream = io.BytesIO()
            header = np.lib.format.header_data_from_array_1_0(value)
            np.lib.format.write_array_header_1_0(stream, header)
            dump(value, stream)
            archive.writestr(f"{name}.npy", stream.getvalue())
    return path


def pickled_member(path: Path, content: bytes, name: str = "metadata") -> Path:
    """An .npz with one member of objects, whose pickle is these bytes."""
    return write_members(path, lambda _value, stream: stream.write(content), **{name: boxed(0)})


def headed_member(path: Path, shape: tuple[int, ...], content: bytes = bytes(64)) -> Path:
    """An .npz with one member that claims a shape of float64."""
    header = io.BytesIO()
    claims = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, claims)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("boxes.npy", header.getvalue() + content)
    return path


def dumped(value: Any, protocol: int = 2) -> bytes:
    return pickle.dumps(value, protocol)
