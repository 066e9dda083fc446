"""Damage that an export, a converter or a careless edit does: what the parity gate is tested with."""

from cardembed.parity.mutations._types import Mutation, NotApplicableError

__all__ = ["Mutation", "NotApplicableError"]
