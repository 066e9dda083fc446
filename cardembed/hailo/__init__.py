"""Hailo chips, in three parts that know nothing of each other's inside.

`protocol` says what a chip does for us, `driver` how HailoRT is made to do it, `resource` where the chip is
and who owns it. `simulator` stands in for HailoRT where there is no chip.
"""
