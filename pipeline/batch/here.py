"""Clips one after the other in this process, with a manifest when there are several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from poselift.data.progress import Progress
from poselift.pipeline.batch.manifest import check_manifest, row_of, write_manifest
from poselift.pipeline.batch.outcome import Clip, done, failed, line_of, pending
from poselift.pipeline.batch.plan import plan_of
from poselift.pipeline.clip.clip_result import ClipResult
from poselift.pipeline.clip.run_many import Failure, find_videos, run_videos
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.folders.sources import absolute


def run_here(
    inputs: Sequence[str],
    out: str,
    settings: RunSettings,
    progress: Progress,
    tell: Callable[[ClipResult], None],
) -> tuple[list[Failure], int]:
    """The failures, and how many inputs there were; `tell` is called after each that works.

    Raises: PoseliftError: detector or lifter cannot be had, or somebody else's file has the
        manifest's name.
    """
    sources, failures = find_videos(inputs)
    total = len(sources) + len(failures)
    if total < 2:
        if sources:
            failures += run_videos(sources, Path(out), settings, progress, tell)
        return failures, total
    check_manifest(out)
    clips = {absolute(clip.source): clip for clip in plan_of(inputs, out).clips}
    rows = {path: row_of(pending(clip)) for path, clip in clips.items()}

    def note(result: ClipResult) -> None:
        path, summary = absolute(result.source), result.summary
        seconds = round(sum(summary["seconds"].values()), 3)
        numbers = (seconds, summary["frames"], len(summary["people"]))
        rows[path] = row_of(done(clips[path], result.folder.name, *numbers))
        tell(result)

    try:
        if sources:
            failures += run_videos(sources, Path(out), settings, progress, note)
        for failure in failures:
            path, text = absolute(failure.source), str(failure.source)
            clip = clips.get(path, Clip(text, text, out, ""))
            rows[path] = row_of(failed(clip, line_of(text, failure.error)))
    finally:
        write_manifest(out, rows.values())
    return failures, total
