"""A video becomes poses: reading, detecting, tracking, lifting, writing."""
