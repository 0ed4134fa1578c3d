"""HDR becomes what a standard screen would show, and people are found in it as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ffmpeg

from poselift.inference.detectors import make_detector
from poselift.inference.video.tone_mapping import Curve, sdr_of
from poselift.inference.video.video_reader import VideoReader

TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}


@pytest.fixture(scope="module", params=TRANSFERS)
def clip(request: pytest.FixtureRequest, walk: Path, tmp_path_factory) -> tuple[Curve, Path]:
    """Half a second of the example as an HDR camera had made it, its white at 203 nits."""
    transfer, path = TRANSFERS[request.param], tmp_path_factory.mktemp("hdr") / "hdr.mp4"
    linear = "zscale=min=709:tin=709:pin=709:rin=tv:t=linear:npl=203,format=gbrpf32le"
    wide = f"zscale=p=2020:npl=203,zscale=t={transfer}:m=2020_ncl:r=tv:npl=203"
    colours = ["-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc"]
    encoder = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"]
    chain = f"{linear},{wide},format=yuv420p10le"
    ffmpeg("-t", "0.5", "-i", walk, "-an", "-vf", chain, *encoder, "-crf", "12", *colours, path)
    return request.param, path


def test_an_hdr_clip_looks_like_the_one_it_was_made_of(
    clip: tuple[Curve, Path], walk: Path
) -> None:
    curve, path = clip
    reader = VideoReader(path)
    assert reader.info.hdr == curve and VideoReader(walk).info.hdr is None
    ours, truth = list(reader), list(VideoReader(walk, end_s=0.5))
    assert len(ours) == len(truth) == 15
    for frame, original in zip(ours[::5], truth[::5], strict=True):
        # Highlights are bent, nothing else: 27 (PQ) and 18 (HLG) without tone mapping.
        assert np.abs(frame.image.astype(int) - original.image).mean() < 6
    turned = next(iter(VideoReader(path, rotate=270, fit=(480, 480))))
    assert turned.image.shape == (480, 270, 3)
    # Graded by eye of the detector: 0.74 of the original, 0.65 of PQ as it is stored.
    detector = make_detector("movenet")
    sure, wanted = (
        np.mean([detector.detect(frame.image).confidence[0].mean() for frame in frames[::7]])
        for frames in (ours, truth)
    )
    assert sure > wanted - 0.04


def test_curves() -> None:
    """Anchors of the standards: black, 203 nits (white), the peak."""
    anchors = {"pq": (0.5807, 0.7518), "hlg": (0.75, 1.0)}
    for curve, (white, peak) in anchors.items():
        levels = np.repeat(np.array([[0.0], [white], [peak]]), 3, axis=1)
        shown = sdr_of(levels, curve)  # type: ignore[arg-type]
        np.testing.assert_allclose(shown[0], 0, atol=1e-3)
        assert 0.85 < shown[1].min() < shown[1].max() < 0.95
        np.testing.assert_allclose(shown[2], 1, atol=0.01)
        ramp = sdr_of(np.repeat(np.linspace(0, 1, 200)[:, None], 3, axis=1), curve)  # type: ignore[arg-type]
        assert (np.diff(ramp, axis=0) > -1e-6).all()
        np.testing.assert_allclose(ramp, ramp[:, :1].repeat(3, 1), atol=0.002)  # grey stays grey
