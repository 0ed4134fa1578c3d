#!/usr/bin/env python3
"""Detect keypoints in a folder of videos, for data/prepare_data_2d_custom.py.

    python inference/infer_video.py --output-dir OUT --image-ext mp4 FOLDER

The reference's command, word for word; --detector and its options are ours. Writes
OUT/VIDEO.mp4.npz for each video. Exit status 1 when a video failed; the others are written
all the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from poselift.data.process import begin

    begin("error")

from poselift.data.archives.custom_2d import (
    VIDEO_DETECTIONS,
    from_detections,
    save_video_detections,
)
from poselift.data.errors import PoseliftError, VideoError, one_line, reason_of, told
from poselift.data.files.whole_file import check_folder, check_writable
from poselift.data.process import ended
from poselift.data.structures import Detections
from poselift.inference.detecting import DetectorPool, detect_whole, detection_reader
from poselift.inference.detectors import BACKENDS, make_detector
from poselift.inference.detectors.choice import DetectorChoice, add_detector_flags, chosen
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.video.picture_sequence import PICTURE_SUFFIXES
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.views import ROTATIONS, check_view

DETECTRON2 = "detectron2"  # the reference's detector, which --cfg speaks to


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="End-to-end inference of 2D keypoints.")
    parser.add_argument("--cfg", metavar="FILE", help="model of detector detectron2")
    parser.add_argument("--output-dir", type=Path, required=True, metavar="OUT")
    parser.add_argument("--image-ext", default="mp4", metavar="EXT", help="default: mp4")
    add_detector_flags(parser, BACKENDS)
    parser.add_argument("--rotate", type=int, choices=ROTATIONS[1:], default=0, help="clockwise")
    parser.add_argument("--fps", type=float, metavar="N", help="of numbered pictures")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    parser.add_argument("im_or_folder", type=Path, metavar="FOLDER", help="folder, or one video")
    asked = parser.parse_args(arguments)
    try:
        choice = chosen(asked)
        check_view(asked.rotate, asked.fps)
    except ValueError as error:
        parser.error(str(error))
    if asked.cfg and asked.detector == DETECTRON2:
        choice = replace(choice, model=choice.model or asked.cfg)
    elif asked.cfg:
        print(
            f"note: --cfg {asked.cfg} names a model of detectron2; "
            f"detector {asked.detector} has its own",
            file=sys.stderr,
        )
    read = partial(detection_reader, rotate=asked.rotate, fps=asked.fps)
    return ended(
        "error",
        lambda: _detect_all(
            _videos(asked.im_or_folder, asked.image_ext),
            asked.output_dir,
            choice,
            read,
            debug=asked.debug,
        ),
        debug=asked.debug,
    )


def _videos(source: Path, extension: str) -> list[Path]:
    """Files with that extension; pictures are one video: the folder.

    Raises: VideoError: a folder with no such file, or that cannot be read.
    """
    suffix = "." + extension.lstrip(".").lower()
    try:
        if not source.is_dir() or suffix in PICTURE_SUFFIXES:
            return [source]
        named = [path for path in source.iterdir() if path.name.lower().endswith(suffix)]
        videos = sorted(p for p in named if not p.name.startswith(".") and not p.is_dir())
    except OSError as error:
        raise VideoError(f"{source}: cannot be read ({reason_of(error)}).") from error
    if not videos:
        raise VideoError(f"{source}: holds no {suffix} videos. Choose --image-ext.")
    return videos


def _detect_all(
    videos: list[Path],
    folder: Path,
    choice: DetectorChoice,
    read: Callable[[Path], VideoReader],
    *,
    debug: bool,
) -> int:
    """Exit status. Raises: PoseliftError: the folder cannot be written, or no such detector."""
    check_folder(folder)
    failed = 0
    with DetectorPool(lambda: make_detector(choice)) as pool:
        for video in videos:
            target = folder / f"{Path(os.path.abspath(video)).name}.npz"  # noqa: PTH100
            try:
                check_writable(target, VIDEO_DETECTIONS, videos)
                detections = _sure(detect_whole(read(video), pool))
                save_video_detections(target, from_detections(detections))
                seen = sum(len(frame) > 0 for frame in detections.frames)
            except Exception as error:  # the others are detected
                failed += 1
                if debug:
                    traceback.print_exc()
                what = "" if isinstance(error, PoseliftError) else f"{one_line(video)}: "
                print(f"error: {what}{told(error)}", file=sys.stderr)
            else:
                found = f"somebody in {seen} of {len(detections.frames)}"
                print(one_line(f"{video.name}: {found} -> {target}"))
    return 1 if failed else 0


def _sure(detections: Detections) -> Detections:
    """Without the guesses: the data set takes each frame's best person as it is."""
    least = TrackerSettings().sure_score
    frames = tuple(frame.select(frame.scores >= least) for frame in detections.frames)
    return Detections(detections.timeline, frames, detections.layout)


if __name__ == "__main__":
    sys.exit(main())
