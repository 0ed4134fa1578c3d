"""Valid files made wrong: their bytes, their numbers, their tables."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "a", "\x00", "é" * 300, [], {}, [[]], [None], {"a": 1}),
    *(0, -1, 1, 2, 7, 255, 2**31, 2**63, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 1e-300, 0.5, 1e9, 1e39, 1e300, math.inf, -math.inf, math.nan),
)
_SPECIAL = (math.nan, math.inf, -math.inf, 0, -1, 1e9, 1e30, 1e300)
_DTYPES = ("f2", "f4", "f8", ">f4", "i1", "i4", "i8", "u1", "u8", "?", "c8", "U3", "S4", "M8[s]",
           "m8[s]", "V3", "i4,f4")  # fmt: skip


def damaged_bytes(content: bytes, random: Random) -> bytes:
    """A few bytes changed, cut out, put in, repeated; or the end gone."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = random.randrange(len(data))
        length = min(random.choice((1, 1, 2, 4, 8, 64)), len(data) - at)
        match random.randrange(7):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            case 2:
                data[at : at + length] = random.choice((b"\xff", b"\x00")) * length
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = random.randbytes(length)
            case 5:
                other = random.randrange(len(data))
                data[at:at] = data[other : other + length]
            case 6:
                if random.random() < 0.3:
                    del data[at:]
    return bytes(data)


def damaged_text(content: bytes, random: Random) -> bytes:
    """A word or a line of a text made another."""
    pieces = content.decode("utf-8", "replace").splitlines()
    for _ in range(random.choice((1, 1, 2, 5))):
        if not pieces:
            break
        at = random.randrange(len(pieces))
        match random.randrange(5):
            case 0:
                del pieces[at]
            case 1:
                pieces.insert(at, random.choice(pieces))
            case 2:
                pieces[at], other = random.choice(pieces), pieces[at]
                pieces[random.randrange(len(pieces))] = other
            case _:
                mark = random.choice((" ", ",", "\t", "="))
                words = pieces[at].split(mark)
                words[random.randrange(len(words))] = _odd_word(random)
                pieces[at] = mark.join(words)
    return "\n".join(pieces).encode("utf-8", "surrogateescape")


def damaged_value(value: Any, random: Random) -> Any:
    """A nested value in which one entry is odd, gone, doubled or nested deeply."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        changed = dict(value)
        key = random.choice(list(changed))
        if random.random() < 0.1:
            del changed[key]
        elif random.random() < 0.05:
            changed[random.choice(("", "x" * 200, key * 2 if isinstance(key, str) else "k"))] = 1
        else:
            changed[key] = damaged_value(changed[key], random)
        return changed
    if isinstance(value, list | tuple) and len(value) and random.random() < 0.85:
        entries = list(value)
        at = random.randrange(len(entries))
        match random.randrange(8):
            case 0:
                del entries[at]
            case 1:
                entries.insert(at, entries[random.randrange(len(entries))])
            case _:
                entries[at] = damaged_value(entries[at], random)
        return entries if isinstance(value, list) else tuple(entries)
    if isinstance(value, np.ndarray) and random.random() < 0.85:
        return damaged_array(value, random)
    if random.random() < 0.03:
        deep: Any = []
        for _ in range(random.choice((30, 3000))):
            deep = [deep]
        return deep
    return random.choice(ODD_VALUES)


def damaged_array(array: np.ndarray, random: Random) -> np.ndarray:
    """Another dtype, another shape, or values that cannot be."""
    array = np.array(array)
    if array.dtype.hasobject and array.size and random.random() < 0.9:
        at = random.randrange(array.size)
        array.flat[at] = damaged_value(array.flat[at], random)
        return array
    match random.randrange(4):
        case 0:
            try:
                with np.errstate(all="ignore"):
                    return array.astype(random.choice(_DTYPES))
            except (TypeError, ValueError, OverflowError):
                return np.array(["a", "b"])
        case 1:
            return _reshaped(array, random)
        case 2 if array.dtype.kind in "fiu" and array.size:
            flat = array.ravel().astype(array.dtype if array.dtype.kind == "f" else float)
            share = random.choice((1 / flat.size, 0.1, 1.0))
            chosen = np.random.default_rng(random.randrange(1 << 30)).random(flat.size) < share
            chosen[random.randrange(flat.size)] = True
            with np.errstate(all="ignore"):
                flat[chosen] = random.choice(_SPECIAL)
                return flat.reshape(array.shape).astype(array.dtype)
        case _:
            if array.dtype.kind in "U":
                return np.array(random.choice(("", "x", "h36m", "coco", "mpii", "humaneva15")))
            if array.size == 1 and array.dtype.kind in "fiu":
                value = random.choice((0, -1, 1, 3, 1e-320, 1e5, 2**40, 1e18, math.nan, math.inf))
                dtype = random.choice((array.dtype, np.dtype(float)))
                with np.errstate(all="ignore"):
                    return np.full(array.shape, value).astype(dtype)
            return array[..., ::-1] if array.ndim else array


def damaged_npz(
    members: dict[str, np.ndarray], random: Random, write: Callable[[Any, Any], None] = np.save
) -> bytes:
    """An archive in which one member or more is wrong, or its name, or what it claims."""
    members = dict(members)
    stream = io.BytesIO()
    compression = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    raw: dict[str, bytes] = {}
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        name = random.choice(list(members))
        match random.randrange(9):
            case 0 if len(members) > 1:
                del members[name]
            case 1:
                raw[name] = random.randbytes(300)
            case 2:
                raw[f"{name}.npy"] = _false_header(members[name], random)
            case 3 if len(members) > 1:
                members[name] = members[random.choice(list(members))]
            case _:
                members[name] = damaged_value(members[name], random)
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, value in members.items():
            if f"{name}.npy" in raw or name in raw:
                continue
            member = io.BytesIO()
            try:
                write(member, value)
            except (ValueError, RecursionError):  # nested too deeply to be written
                member.write(b"\x93NUMPY")
            content = member.getvalue()
            if random.random() < 0.03:
                content = damaged_bytes(content, random)
            archive.writestr(f"{name}.npy", content)
        for name, content in raw.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _odd_word(random: Random) -> str:
    words = "nan|inf|-1|0|1e999|x|é|-|1e-5|[|{|'''|#|1_0|0x1|٣|true|[[[[|2020-01-01|\x00|"
    return random.choice([*words.split("|"), "9" * 400])


def _reshaped(array: np.ndarray, random: Random) -> np.ndarray:
    match random.randrange(6):
        case 0:
            return array.ravel()
        case 1:
            return array[None]
        case 2:
            return array[:0] if array.ndim else array.reshape(1, 1)
        case 3:
            return array[: len(array) // 2] if array.ndim else np.tile(array, 3)
        case 4:
            return np.concatenate([array, array]) if array.ndim else np.zeros(0)
        case _:
            return np.swapaxes(array, 0, -1) if array.ndim else array[None, None]


def _false_header(value: Any, random: Random) -> bytes:
    array = np.asarray(value)
    stream = io.BytesIO()
    shapes: tuple[Any, ...] = (
        (10**12,), (2**31, 2**31), (-1, 4), (0, 10**30), array.shape, (1,) * 70, (True,),
    )  # fmt: skip
    about = {
        "descr": random.choice(("<f8", "|O", "|b1", "<U999999", "<M8[s]", ">c16", "|V8", "<f16")),
        "fortran_order": random.random() < 0.5,
        "shape": random.choice(shapes),
    }
    np.lib.format.write_array_header_1_0(stream, about)
    plain = b"" if array.dtype.hasobject else array.tobytes()
    return stream.getvalue() + plain[: random.choice((0, 8, 64, len(plain)))]
