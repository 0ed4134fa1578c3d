"""Flags that commands take, and what their texts stand for."""
