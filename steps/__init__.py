"""The phrases: a step is a few lines that call cardembed; numbers stand in features, logic in cardembed."""
