"""Keypoints become poses: lifted, upright, on a floor, with steady bones."""
