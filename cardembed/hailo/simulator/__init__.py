"""What stands in for HailoRT where there is no chip, in three parts.

`hailo_platform` has the names, signatures, rules and status codes of HailoRT's module; `chip` and `network`
run a simulated HEF on ONNX Runtime; `faults` makes it fail as chips do. What goes through it is `emulated`.
"""
