"""Checkpoints of torch.save, read as data by code that checks every claim.

torch's restricted unpickler believes more than it should: that a tensor's strides fit its
storage, that a storage is as long as it says, that NumPy's pickled states are sane. Here a
pickle names nothing but tensors, storages and a random state (see plain_pickle); these are
made from bytes that are in the file.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from poselift.data.files.bounded_zip import open_zip
from poselift.data.files.memory_budget import Budget, budget_of
from poselift.data.files.plain_pickle import STAND_INS, Claim, Function, load_claims, resolved

KIND = "torch checkpoint"
# Of files from before torch 1.6, which are no zip archives.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST_DIMENSIONS = 8
_RANDOM_WORDS = 624  # of a Mersenne twister

Content = Callable[[str], bytes]  # of a storage, by its key


def load_checkpoint(path: Path) -> Any:
    """Containers, numbers, text, tensors and random states; tensors are strided, on the CPU.

    Raises:
        FormatError: no such file, or it claims more than its budget.
        UnsafeFile: it names anything else.
        poselift.data.files.safe_archive.DAMAGED: it is damaged.
    """
    budget = budget_of(path)
    with path.open("rb") as stream:
        if stream.read(4) != b"PK\x03\x04":
            stream.seek(0)
            return _from_pickles(stream, budget)
    with open_zip(path, budget, KIND) as archive:
        return _from_zip(archive, budget)


def _from_zip(archive: zipfile.ZipFile, budget: Budget) -> Any:
    pickles = [name for name in archive.namelist() if f"/{name}".endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"{len(pickles)} files data.pkl in it, expected one")
    folder = pickles[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise ValueError("its numbers are in another order of bytes")
    tensors = _Tensors(lambda key: archive.read(f"{folder}data/{key}"), budget)
    return resolved(tensors.claims(io.BytesIO(archive.read(pickles[0]))))


def _from_pickles(stream: IO[bytes], budget: Budget) -> Any:
    contents: dict[str, bytes] = {}
    tensors = _Tensors(contents.__getitem__, budget)
    if tensors.claims(stream) != _MAGIC or tensors.claims(stream) != _PROTOCOL:
        raise ValueError("does not begin as one")
    about = tensors.claims(stream)
    if not isinstance(about, dict) or about.get("little_endian") is not True:
        raise ValueError("its numbers are in another order of bytes")
    claims, keys = tensors.claims(stream), tensors.claims(stream)
    if not isinstance(keys, list) or len(set(keys)) < len(keys):
        raise ValueError("its list of storages is none")
    for key in keys:
        storage = tensors.storages[key]
        (count,) = struct.unpack("<q", stream.read(8))
        if count != storage.count:
            raise ValueError(f"a storage of {count} numbers claims {storage.count}")
        contents[key] = stream.read(count * storage.dtype.itemsize)
    return resolved(claims)


class _Tensors:
    """What a checkpoint's pickles may name, and the storages that they named.

    Args:
        content: the bytes of a storage.
    """

    def __init__(self, content: Content, budget: Budget) -> None:
        self._content, self._budget = content, budget
        self.storages: dict[str, _Storage] = {}

    def claims(self, stream: IO[bytes]) -> Any:
        return load_claims(stream, self._budget, _STAND_INS, self._storage)

    def _storage(self, pid: Any) -> _Storage:
        kind, dtype, key, _place, count, *view = pid
        if kind != "storage" or not isinstance(dtype, _StorageType) or not isinstance(key, str):
            raise ValueError("refers to something that is no storage")
        if type(count) is not int or count < 0 or any(part is not None for part in view):
            raise ValueError(f"claims a storage of {str(count)[:40]} numbers, or part of one")
        found = self.storages.setdefault(
            key, _Storage(key, dtype.dtype, count, self._content, self._budget)
        )
        if (found.dtype, found.count) != (dtype.dtype, count):
            raise ValueError(f"storage {key[:40]} is claimed to be two things")
        return found


class _StorageType(Claim):
    """Stands for torch.FloatStorage and the like."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a type has no state")


class _Storage(Claim):
    """Numbers in a row; read when a tensor is made of them."""

    __slots__ = ("_content", "budget", "count", "dtype", "key")

    def __init__(
        self, key: str, dtype: torch.dtype, count: int, content: Content, budget: Budget
    ) -> None:
        self.key, self.dtype, self.count = key, dtype, count
        self._content, self.budget = content, budget

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a storage has no state")

    def made(self, done: dict[int, Any]) -> Tensor:
        content = self._content(self.key)
        if len(content) != self.count * self.dtype.itemsize:
            raise ValueError(f"storage {self.key[:40]}: {len(content)} bytes, not {self.count} "
                             f"numbers of {self.dtype}")  # fmt: skip
        if not content:
            return torch.empty(0, dtype=self.dtype)
        if self.dtype == torch.bool:
            return torch.frombuffer(bytearray(content), dtype=torch.uint8) != 0
        return torch.frombuffer(bytearray(content), dtype=self.dtype)


class _TensorClaim(Claim):
    __slots__ = ("offset", "size", "storage", "stride")

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_grad: Any) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a tensor has no state")

    def made(self, done: dict[int, Any]) -> Tensor:
        size, stride, offset, storage = self.size, self.stride, self.offset, self.storage
        whole = (offset, *size, *stride)
        if not isinstance(storage, _Storage) or not all(type(n) is int and n >= 0 for n in whole):
            raise ValueError("a tensor of no storage, or of no size")
        if not len(size) == len(stride) <= _MOST_DIMENSIONS:
            raise ValueError(f"a tensor of {len(size)} dimensions with {len(stride)} strides")
        count = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if count > storage.count or (count and last >= storage.count):
            raise ValueError(f"a tensor of {size} numbers in a storage of {storage.count}")
        storage.budget.spend(count * max(4, storage.dtype.itemsize), f"a tensor of {size}")
        if id(storage) not in done:
            done[id(storage)] = storage.made(done)
        return done[id(storage)].as_strided(size, stride, offset) if count else (
            torch.empty(size, dtype=storage.dtype)
        )  # fmt: skip


class _RandomClaim(Claim):
    """A numpy.random.RandomState, or the twister in it."""

    __slots__ = ("state",)

    def __init__(self, *of: Any) -> None:
        self.state: Any = of[0] if of else None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def made(self, done: dict[int, Any]) -> np.random.RandomState:
        state = self.state
        if isinstance(state, dict):
            inner = state["state"]
            state = (state["bit_generator"], inner["key"], inner["pos"],
                     state["has_gauss"], state["gauss"])  # fmt: skip
        kind, claim, place, has_gauss, gauss = state
        words = claim.made(done)
        if kind != "MT19937" or words.shape != (_RANDOM_WORDS,) or words.dtype != np.uint32:
            raise ValueError("a random state of another kind")
        if type(place) is not int or not 0 <= place <= _RANDOM_WORDS or has_gauss not in (0, 1):
            raise ValueError("a random state that cannot be")
        random = np.random.RandomState()
        random.set_state(("MT19937", words, place, int(has_gauss), float(gauss)))
        return random


class _Ordered(dict):  # type: ignore[type-arg]
    """Stands for an OrderedDict; what torch notes beside its entries is not needed."""

    def __setstate__(self, state: Any) -> None:
        pass


def _same(value: Any, *_grad: Any) -> Any:
    """A parameter is a tensor."""
    return value


_DTYPES = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16,
    "BFloat16": torch.bfloat16, "Long": torch.int64, "Int": torch.int32, "Short": torch.int16,
    "Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool,
    "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
}  # fmt: skip
_STAND_INS = {
    **STAND_INS,
    **{("torch", f"{name}Storage"): _StorageType(dtype) for name, dtype in _DTYPES.items()},
    ("collections", "OrderedDict"): _Ordered,
    ("torch._utils", "_rebuild_tensor"): _TensorClaim,
    ("torch._utils", "_rebuild_tensor_v2"): _TensorClaim,
    ("torch._utils", "_rebuild_parameter"): Function(_same),
    ("numpy.random._pickle", "__randomstate_ctor"): _RandomClaim,
    ("numpy.random", "__RandomState_ctor"): _RandomClaim,
    ("numpy.random._pickle", "__bit_generator_ctor"): _RandomClaim,
    ("numpy.random._mt19937", "MT19937"): "MT19937",
}
