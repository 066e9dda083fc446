"""What operations of MIL compute, a file a family; `OPERATIONS` has them all by name."""

from cardembed.coreml.operations import compression, elementwise, layout, network, reduction
from cardembed.coreml.operations._registry import OPERATIONS, Arguments

__all__ = ["OPERATIONS", "Arguments", "compression", "elementwise", "layout", "network", "reduction"]
