"""Stages composed: from a video file to poses, overlay and summary.

from pipeline import run_video
result = run_video("clip.mp4", "out")
result.poses.world  # (P, T, 17, 3) metres, z up
"""

from pipeline.run_clip import ClipResult
from pipeline.run_many import run_video
from pipeline.settings import RunSettings

__all__ = ["ClipResult", "RunSettings", "run_video"]
