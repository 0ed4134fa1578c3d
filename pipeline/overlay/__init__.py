"""The video with its people drawn, beside the people in 3D."""
