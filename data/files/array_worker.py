"""The process behind guarded_reader: asked on standard input, answers on standard output."""

from __future__ import annotations

import json
import os
import sys
from typing import IO

if __name__ == "__main__":
    sys.path[0] = sys.argv[1]  # where the package lies

import numpy as np

from poselift.data.errors import FormatError, MissingDependency
from poselift.data.files.guarded_reader import receive, send
from poselift.data.files.matrix_files import read_arrays

MEMORY_BYTES = 4 << 30


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Read files until nobody asks any more."""
    while True:
        try:
            kind, label, *names = json.loads(receive(asked))
            content = receive(asked)
        except EOFError:
            return
        try:
            arrays = [np.ascontiguousarray(a) for a in read_arrays(kind, label, content, *names)]
        except MissingDependency as error:
            send(answers, json.dumps({"missing": str(error)}).encode())
        except FormatError as error:
            send(answers, json.dumps({"damaged": str(error)}).encode())
        else:
            about = [[array.dtype.str, array.shape] for array in arrays]
            parts = [array.tobytes() for array in arrays]
            send(answers, json.dumps({"arrays": about}).encode(), *parts)


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not come between the answers.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    _limit_memory()
    serve(sys.stdin.buffer, answers)


def _limit_memory() -> None:
    """Where the system can; elsewhere a file that claims too much is only refused by its size."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main()
