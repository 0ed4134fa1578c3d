"""Rigs, motions, and files of other programs: values in, the bytes of a file out."""
