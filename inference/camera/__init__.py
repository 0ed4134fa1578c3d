"""What the background says of the camera: how it turns, zooms or travels, and where it cuts."""
