"""Every error that a user can cause, as one tree.

PoseliftError                   exit status 1: caught by the command line, one line printed
├── VideoError                  a video is missing, unreadable, empty or not a video
│   └── NoPersonFound           a readable video in which nobody is seen
├── FormatError                 an archive or checkpoint is not what its name promises
│   └── UnsafeFile              ... and holds something that could run code
├── LayoutMismatch              a checkpoint and the keypoints do not fit together
├── UnknownName                 no detector, lifter, stage or joint has this name
├── MissingDependency           an optional package is needed and not installed
├── MissingWeights              a detector's network is not here
├── DownloadError               a published file cannot be fetched, or not whole
└── OutputError                 the result cannot be written

A message names the thing, the evidence and the next step.
"""

from __future__ import annotations

from collections.abc import Iterable


class PoseliftError(Exception):
    """Base of all errors that are the input's fault, not the program's."""


class VideoError(PoseliftError):
    """A video is missing, unreadable, empty or not a video."""


class NoPersonFound(VideoError):
    """The video decodes, but nobody is seen in it."""


class FormatError(PoseliftError):
    """An archive or checkpoint is not what its name promises."""


class UnsafeFile(FormatError):
    """A file holds objects that are not plain numbers, and was not read."""


class LayoutMismatch(PoseliftError):
    """A checkpoint expects other keypoints than the ones given."""


class UnknownName(PoseliftError):
    """No registered thing has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} '{name}'. Known: {', '.join(sorted(known))}.")


class MissingDependency(PoseliftError):
    """An optional package is needed and not installed."""


class MissingWeights(PoseliftError):
    """A detector's network is not here, and nothing is downloaded unasked."""


class DownloadError(PoseliftError):
    """A published file cannot be fetched, or not whole."""


class OutputError(PoseliftError):
    """The result cannot be written where it was asked for."""


def reason_of(error: BaseException) -> str:
    """Why something failed, as the evidence of a message: what the system says, or a first line."""
    if isinstance(error, KeyError) and error.args:
        return f"has no '{error.args[0]}'"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).splitlines()[0][:300]


def told(error: BaseException) -> str:
    """Any error as one line: ours as it is, another with the request to report it."""
    if isinstance(error, PoseliftError):
        return one_line(error)
    if isinstance(error, OSError) and error.filename:
        said = f"{one_line(error.filename)}: {one_line(reason_of(error))}"
        return f"{said}. If that should not be, please report it, with what --debug shows."
    said = ": ".join(part for part in (type(error).__name__, one_line(error)) if part)
    return f"unexpected {said}. Please report this, with what --debug shows."


def one_line(said: object) -> str:
    """A message without line breaks or control characters, which file names may hold."""
    return "".join(c if c.isprintable() else "?" for c in str(said).replace("\n", " "))
