"""VideoPose3D's own system: run.py, training, evaluation, reproduction."""
