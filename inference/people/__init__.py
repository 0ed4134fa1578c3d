"""Detections become people: who is who, and what was missed."""
