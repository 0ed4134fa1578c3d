"""When frames are shown, in files whose own clock is not to be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import MakeVideo, ffmpeg

from data.structures import Timeline
from inference.pace import pace_of
from inference.video_reader import VideoReader

H264 = ("-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p")  # B-frames: stored out of order


def timeline_of(path: Path, **stretch: float) -> Timeline:
    reader = VideoReader(path, **stretch)  # type: ignore[arg-type]
    return reader.timeline([frame.time_s for frame in reader])


# Clocks


@pytest.mark.parametrize("starts_s", [(0, 0), (0, 600), (0, 95_000), (600, 0, 300)])
def test_parts_whose_clocks_differ_follow_one_another(
    starts_s: tuple[int, ...],
    make_video: MakeVideo,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    part, joined = make_video("part.mp4", *H264, seconds=4), tmp_path / "joined.ts"
    content = b""
    for start_s in starts_s:
        piece = tmp_path / "piece.ts"
        ffmpeg("-i", part, "-c", "copy", "-output_ts_offset", str(start_s), piece)
        content += piece.read_bytes()
    joined.write_bytes(content)
    timeline = timeline_of(joined)
    frames = 80 * len(starts_s)
    np.testing.assert_allclose(timeline.times_s, np.arange(frames) / 20, atol=1e-3)
    assert timeline.lost_frames == 0
    assert pace_of(timeline.times_s).copies.tolist() == [1] * frames
    (said,) = (record.getMessage() for record in caplog.records)
    assert said.startswith(f"{joined}: its clock jumps after 3.95 s;") and "\n" not in said


def test_avi_gives_even_times_in_spite_of_reordering(make_video: MakeVideo) -> None:
    timeline = timeline_of(make_video("a.avi", *H264, seconds=4))
    steps = np.diff(timeline.times_s)
    assert len(steps) == 79 and (np.abs(steps - 0.05) < 2e-3).sum() >= 78  # one where it is noticed
    assert timeline.times_s[-1] - timeline.times_s[0] == pytest.approx(3.95, abs=0.11)


def test_no_gap_makes_an_endless_overlay() -> None:
    assert pace_of(np.array([0, 0.04, 1e6, 1e6 + 0.04])).copies.sum() < 25 * 11
