"""Keypoints made by other tools: their formats, their layouts, and what becomes of them here."""
