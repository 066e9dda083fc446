"""Reference database, matching, thresholds, metrics."""
