"""The page of a clip, written beside its results."""

from __future__ import annotations

from pathlib import Path

from poselift.data.archives.stage_results import load_poses, load_tracks
from poselift.data.errors import FormatError, PoseliftError, VideoError, reason_of
from poselift.data.foreign.reading import load_json
from poselift.data.structures import Poses3D, Tracks
from poselift.inference.people.quality import Findings
from poselift.inference.video.picture_sequence import is_sequence
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.views import ROTATIONS
from poselift.pipeline.clip.stages import DETECT, LIFT, TRACK, check_shape
from poselift.pipeline.folders.folder_record import FolderRecord, Origin, locked
from poselift.pipeline.folders.sources import absolute, content_sha256
from poselift.pipeline.viewer.page import PAGE, page_of
from poselift.pipeline.viewer.page_video import PageVideo, page_video
from poselift.pipeline.viewer.video_choice import How

PAGE_STAGE = "page"
SUMMARY = "summary.json"


def files_beside(record: FolderRecord) -> list[str]:
    """Names of our own files in a folder, which its page can offer."""
    names = {*record.files, SUMMARY} - {PAGE}
    return sorted(name for name in names if name == SUMMARY or (record.folder / name).is_file())


def write_page(
    part: Path,
    name: str,
    tracks: Tracks,
    poses: Poses3D,
    video: PageVideo,
    files: list[str],
    findings: Findings | None = None,
) -> None:
    """See page_of.

    Raises: FormatError: tracks and poses do not belong together; VideoError: the video cannot
        be read any more; OSError.
    """
    text = page_of(name, tracks, poses, video, files, findings)
    part.write_text(text, encoding="utf-8", newline="\n")


def page_folder(
    folder: Path, video: Path | None = None, *, rotate: int | None = None, how: How = "embed"
) -> Path:
    """Make the page of results that are there; its path.

    Args:
        folder: holds keypoints2d.npz and poses3d.npz.
        video: that they are of; None takes the one that the folder's record names, if it is
            still the same.
        rotate: as it was when they were made; None takes what summary.json says.
    Raises: FormatError: they cannot be read, or do not belong together; VideoError: `video`
        is not what they are of; OutputError: another page.html is there.
    """
    keypoints, lifted = folder / TRACK.file, folder / LIFT.file
    tracks, poses = load_tracks(keypoints), load_poses(lifted)
    turn = _told_rotation(folder / SUMMARY) if rotate is None else rotate
    with locked(folder) as making:
        record = FolderRecord(folder)
        record.check_replaceable([PAGE])
        origin = record.origin if DETECT.file in record.files else None
        if video is not None:
            _check_video(video, origin, tracks, turn)
        source = video or (Path(origin.path) if origin else None)
        film = _film(source, video, origin, folder, how, turn)
        if record.origin is None:
            record.claim(Origin(absolute(lifted), content_sha256(lifted)))
        name = source.name if source else folder.resolve().name
        part = making / PAGE
        try:
            write_page(part, name, tracks, poses, film, files_beside(record))
        except FormatError as error:
            raise FormatError(f"{lifted}: {error}") from None
        return record.put(part, PAGE, PAGE_STAGE, "")


def _film(
    source: Path | None,
    given: Path | None,
    origin: Origin | None,
    folder: Path,
    how: How,
    turn: int,
) -> PageVideo:
    """The video as the page shows it, or why it does not; only a given one must be had."""
    if source is None:
        return PageVideo(missing="It is not known which video these results are of.")
    if given is None and origin is not None:
        try:
            if content_sha256(source) != origin.sha256:
                return PageVideo(missing=f"{source.name} is not the video any more that was used.")
        except (OSError, VideoError):
            return PageVideo(missing=f"{source.name} is not where it was.")
    try:
        return page_video(source, folder, how, rotate=turn)
    except VideoError:
        if given is not None:
            raise
        return PageVideo(missing=f"{source.name} cannot be read as a video.")


def _check_video(video: Path, origin: Origin | None, tracks: Tracks, turn: int) -> None:
    """Raises: VideoError: it is not what the tracks are of."""
    fps = tracks.timeline.fps if is_sequence(video) else None
    check_shape(video, VideoReader(video, rotate=turn, fps=fps).info, tracks.timeline)
    try:
        same = origin is None or content_sha256(video) == origin.sha256
    except OSError as error:
        raise VideoError(f"{video}: cannot be read ({reason_of(error)}).") from error
    if not same:
        raise VideoError(
            f"{video}: is not the video that these results are of. Run it, or leave it out."
        )


def _told_rotation(summary: Path) -> int:
    """What a summary says; nothing is no turn."""
    try:
        told = load_json(summary)["rotate"]
    except (PoseliftError, LookupError, TypeError):
        return 0
    return told if isinstance(told, int) and told in ROTATIONS else 0
