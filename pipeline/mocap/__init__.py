"""Lifters trained and judged on motion capture under virtual cameras."""
