"""Poses while they happen: each frame by what was seen until then, at a bounded cost."""
