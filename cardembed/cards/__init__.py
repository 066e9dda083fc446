"""Cards and photos: catalogue, the synthetic card printer, conditions, unknowns, photo sets."""
