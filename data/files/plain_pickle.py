"""Pickles that hold data and nothing else.

A pickle is a program: it names functions and calls them. Here it may name a handful of
NumPy constructors, and gets stand-ins that write down what was claimed. Even NumPy's
own would be too much: the pickled state of a dtype can say that an array of objects
holds none, and the array's bytes are then followed as addresses. The arrays are built
from the claims afterwards, by code that checks them.

Pickles written here name only `numpy.ndarray` and `numpy.dtype`, which every NumPy has.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from poselift.data.errors import UnsafeFile
from poselift.data.files.memory_budget import Budget

# Numbers and text, as a pickled dtype spells them.
_PLAIN_DTYPE = re.compile(r"[<>=|]?([biufc][1-9]\d?|[SU][1-9]\d{0,5}|O[48]?)")
_MEMO_WRITES = {"PUT", "BINPUT", "LONG_BINPUT"}
# What a step of a pickle's program adds at most: a container, its claim and its twin; or a
# number or a text.
_CONTAINERS = {
    *("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "DICT", "FROZENSET", "ADDITEMS"),
    *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"),
    *("REDUCE", "BUILD", "BINPERSID", "PERSID"),
}
_CONTAINER_BYTES, _VALUE_BYTES = 300, 60
_PLAIN_VALUES = (str, bytes, bytearray, int, float, complex, bool, type(None), np.generic)


def load_plain(stream: IO[bytes], budget: Budget) -> Any:
    """Containers, numbers, text and arrays from a pickle; Python 2's text is latin1.

    Raises:
        UnsafeFile: it names anything that is not plain data.
        ValueError, pickle.UnpicklingError, TypeError, KeyError, IndexError, EOFError,
            AttributeError, MemoryError, OverflowError: it is damaged.
    """
    return resolved(load_claims(stream, budget, STAND_INS))


def load_claims(
    stream: IO[bytes],
    budget: Budget,
    stand_ins: Mapping[tuple[str, str], Any],
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """What a pickle describes, with claims in place of all that is more than plain data.

    Args:
        stand_ins: (module, name) -> what stands for it. Nothing else can be named.
        persistent: what an id stands for that leads out of the pickle.
    Raises: as load_plain.
    """
    start = stream.tell()
    _check_program(stream, budget)
    stream.seek(start)
    return _ClaimsUnpickler(stream, stand_ins, persistent).load()


def resolved(value: Any) -> Any:
    """What was claimed, made. Raises: as load_plain."""
    try:
        return _resolved(value, {})
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def dump_plain(value: Any, stream: IO[bytes]) -> None:
    """Write a pickle that any NumPy since 1.0 reads.

    Raises: TypeError: it holds NumPy scalars, whose pickles name a private module.
    """
    _PortablePickler(stream, protocol=4).dump(value)


class _PortablePickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return np.ndarray, ((0,),), value.__reduce__()[2]  # type: ignore[index]
        if isinstance(value, np.generic):
            raise TypeError(f"{value!r} is a NumPy scalar; give .item()")
        return NotImplemented


def _check_program(stream: IO[bytes], budget: Budget) -> None:
    """Raises: ValueError: a pickle that breaks off, or that would take too much memory."""
    start, count, cost = stream.tell(), 0, 0
    for count, (opcode, argument, _place) in enumerate(pickletools.genops(stream), start=1):
        cost += _CONTAINER_BYTES if opcode.name in _CONTAINERS else _VALUE_BYTES
        if opcode.name in _MEMO_WRITES and not 0 <= int(str(argument)) <= count:
            # The table of what can be referred to is as long as the largest number.
            raise ValueError(f"remembers number {argument} of {count} objects")
    budget.spend(stream.tell() - start + cost, f"a pickle of {count} steps")


class _ClaimsUnpickler(pickle.Unpickler):
    def __init__(
        self,
        stream: IO[bytes],
        stand_ins: Mapping[tuple[str, str], Any],
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        super().__init__(stream, encoding="latin1")
        self._stand_ins, self._persistent = stand_ins, persistent

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._stand_ins[module.replace("numpy._core.", "numpy.core."), name]
        except KeyError:
            raise UnsafeFile(f"it asks for {module}.{name}, which is not plain data") from None

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise ValueError("it leads out of the file")
        return self._persistent(pid)


class Claim:
    """Something described in a pickle, not made yet."""

    __slots__ = ()

    def made(self, done: dict[int, Any]) -> Any:
        """The thing itself. Raises: ValueError and others: it cannot be."""
        raise NotImplementedError


class Function:
    """Stands for a function that makes claims; unlike one, it takes no attributes."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function has no state")


class _DtypeClaim:
    """A dtype by its name; of its state, only the byte order is believed."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, align: Any = None, copy: Any = None) -> None:
        if not isinstance(code, str) or not _PLAIN_DTYPE.fullmatch(code):
            raise UnsafeFile(f"it asks for arrays of {code!r}, which are not plain data")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, order, subarray, names, fields = state[:5]
        if (subarray, names, fields) != (None, None, None):
            raise UnsafeFile("it asks for arrays with fields, which are not plain data")
        self.dtype = self.dtype.newbyteorder(order)


class _ArrayClaim(Claim):
    """An array as its pickle describes it."""

    __slots__ = ("content", "dtype", "order", "shape")

    def __init__(self, shape: Any) -> None:
        pass  # NumPy pickles make an empty array first; the state has the real shape.

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # The state of very old NumPy has no version in front.
        self.shape, claim, fortran, self.content = state[-4:]
        self.dtype = claim.dtype
        self.order = "F" if fortran else "C"

    def made(self, done: dict[int, Any]) -> np.ndarray:
        if len(self.shape) > 64 or not all(type(n) is int and n >= 0 for n in self.shape):
            raise ValueError(f"an array claims shape {str(self.shape)[:80]}")
        count = math.prod(self.shape)
        if self.dtype.hasobject:
            if not isinstance(self.content, list) or len(self.content) != count:
                raise ValueError(f"an array of objects does not fill its shape {self.shape}")
            objects = np.empty(count, object)
            for i, item in enumerate(self.content):
                objects[i] = _resolved(item, done)
            return objects.reshape(self.shape)
        content = self.content
        if isinstance(content, str):  # Python 2 had one type for text and bytes.
            content = content.encode("latin1")
        if len(content) != count * self.dtype.itemsize:
            raise ValueError(f"{len(content)} bytes cannot fill an array of shape {self.shape}")
        flat = np.frombuffer(content, self.dtype).astype(self.dtype.newbyteorder("="))
        return flat.reshape(self.shape, order="F" if self.order == "F" else "C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _ArrayClaim:
    if kind is not _ArrayClaim:
        raise UnsafeFile("it asks for a special kind of array, which is not plain data")
    return _ArrayClaim(shape)


def _from_buffer(content: Any, claim: _DtypeClaim, shape: Any, order: Any) -> _ArrayClaim:
    array = _ArrayClaim(shape)
    array.__setstate__((shape, claim, order == "F", content))
    return array


def _scalar(claim: _DtypeClaim, content: Any) -> Any:
    whole = _ArrayClaim(())
    whole.__setstate__(((), claim, False, content))
    if claim.dtype.hasobject:
        raise ValueError("a scalar claims to be an object")
    return whole.made({})[()]


def _encode(text: str, encoding: str) -> bytes:
    """Stands in for codecs.encode, which protocol 2 uses to spell bytes."""
    if encoding != "latin1":
        raise ValueError(f"unexpected text encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayClaim,
    ("numpy", "dtype"): _DtypeClaim,
    ("numpy.core.multiarray", "_reconstruct"): Function(_reconstruct),
    ("numpy.core.multiarray", "scalar"): Function(_scalar),
    ("numpy.core.numeric", "_frombuffer"): Function(_from_buffer),
    ("_codecs", "encode"): Function(_encode),
}


def _resolved(value: Any, done: dict[int, Any]) -> Any:
    """`value` with arrays in place of claims.

    Args:
        done: results by the id of what they were made from; what is shared is made
            once, so that a small file cannot unfold into a huge value.
    """
    if isinstance(value, _PLAIN_VALUES):
        return value
    if id(value) not in done:
        done[id(value)] = _UNFINISHED
        done[id(value)] = _rebuilt(value, done)
    result = done[id(value)]
    if result is _UNFINISHED:
        raise ValueError("contains itself")
    return result


def _rebuilt(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, Claim):
        return value.made(done)
    if isinstance(value, list):
        return [_resolved(item, done) for item in value]
    if isinstance(value, tuple):
        return tuple(_resolved(item, done) for item in value)
    if isinstance(value, dict):
        return {_resolved(k, done): _resolved(v, done) for k, v in value.items()}
    raise ValueError(f"holds a {type(value).__name__}, which is not plain data")


_UNFINISHED = object()
