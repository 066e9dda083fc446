"""Whether an artefact computes what its weights do, and where it first does not."""
