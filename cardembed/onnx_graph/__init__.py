"""What an ONNX graph would need, reasoned out before anything of it is executed."""
