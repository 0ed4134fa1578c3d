"""Strangers' files read safely, and our own written whole."""
