"""Stages composed: from a video file to poses, overlay and summary."""
