"""A student made ready for the Hailo-8L: the chip's part of the network, calibration images, INT8."""
