"""Files, folders and globs: every clip gets its folder, and one failure stops no other."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poselift.data.errors import VideoError, reason_of
from poselift.data.progress import Progress, Silent
from poselift.inference.video.picture_sequence import holds_pictures, is_sequence
from poselift.inference.video.video_reader import SUFFIXES, is_video_name
from poselift.pipeline.clip.clip_result import ClipResult
from poselift.pipeline.clip.networks import Networks
from poselift.pipeline.clip.run_clip import FolderTaken, run_clip
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.folders.clip_folders import clip_folders
from poselift.pipeline.folders.folder_record import FolderRecord
from poselift.pipeline.folders.sources import plain_name


@dataclass(frozen=True)
class Failure:
    """A clip that did not work out, and why: a PoseliftError, or one that nobody foresaw."""

    source: Path
    error: Exception


def run_video(
    source: str | Path,
    out: str | Path,
    settings: RunSettings | None = None,
    progress: Progress | None = None,
) -> ClipResult:
    """Run one video; its results lie in `out`/<clip>/ and come back as arrays.

    Raises: PoseliftError.
    """
    source = Path(source)
    with Networks(settings or RunSettings()) as networks:
        folder = clip_folders([source], Path(out))[source]
        return run_in(folder, source, networks, progress or Silent())


def run_videos(
    sources: Sequence[Path],
    out: Path,
    settings: RunSettings,
    progress: Progress,
    done: Callable[[ClipResult], None],
) -> list[Failure]:
    """Run several; `done` is called after each that works, the failures come back.

    Whatever becomes of one clip, the others are run.
    Raises: PoseliftError: detector or lifter cannot be had, so no clip can work.
    """
    failures: list[Failure] = []
    with Networks(settings) as networks:
        for source, folder in clip_folders(sources, out).items():
            try:
                result = run_in(folder, source, networks, progress)
            except Exception as error:
                failures.append(Failure(source, error))
            else:
                done(result)
    return failures


def run_in(folder: Path, source: Path, networks: Networks, progress: Progress) -> ClipResult:
    """Run in the folder, or in the next if another run was there first. Raises: PoseliftError."""
    while True:
        if folder.name != (name := plain_name(source)):
            progress.say(f"{source}: {folder.parent / name} is taken; this goes to {folder}")
        try:
            return run_clip(source, folder, networks, progress)
        except FolderTaken:
            folder = clip_folders([source], folder.parent)[source]


def find_videos(inputs: Sequence[str]) -> tuple[list[Path], list[Failure]]:
    """What the inputs name, each video once, in order; a folder gives its videos by name.

    An input that names nothing is a Failure, so that the others still run.
    """
    found: dict[Path, None] = {}
    failures: list[Failure] = []
    for text in inputs:
        try:
            found.update(dict.fromkeys(videos_of(text)))
        except VideoError as error:
            failures.append(Failure(Path(text), error))
        except (OSError, ValueError) as error:  # no rights, a name that no file can have
            told = VideoError(f"{text}: cannot be read ({reason_of(error)}).")
            failures.append(Failure(Path(text), told))
    return list(found), failures


def videos_of(text: str) -> list[Path]:
    """What one input names. Raises: VideoError; OSError, ValueError: the system cannot look."""
    path = Path(text)
    if path.is_dir():
        return _of_folder(path)
    if path.exists() or is_sequence(path) or not glob.has_magic(text):
        return [path]
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
    videos = [match for match in matches if match.is_file() and not _is_result(match)]
    if not videos:
        raise VideoError(f"{text}: matches no file.")
    return videos


def _of_folder(folder: Path) -> list[Path]:
    """Its videos; else itself, when it holds numbered pictures. Raises: VideoError, OSError."""
    names = sorted(entry for entry in folder.iterdir() if is_video_name(entry))
    videos = [entry for entry in names if not entry.is_dir()]  # of a run's results, say
    if videos:
        return videos
    if holds_pictures(folder):
        return [folder if folder.name not in {"", ".."} else folder.resolve()]
    kinds = " ".join(sorted(SUFFIXES))
    raise VideoError(
        f"{folder}: holds no videos ({kinds}) and no numbered pictures. Name a file or another "
        "folder."
    )


def _is_result(path: Path) -> bool:
    """An overlay, say, that an earlier run left: `**` finds those beside the clips."""
    return FolderRecord(path.parent).entry_of(path.name) is not None
