"""Damage that an export, a converter or a careless edit does: what the parity gate is tested with."""

from cardembed.parity.mutations.copies import NotApplicableError
from cardembed.parity.mutations.table import COMPRESSION, MUTATIONS, Mutation

__all__ = ["COMPRESSION", "MUTATIONS", "Mutation", "NotApplicableError"]
