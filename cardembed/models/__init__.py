"""Teacher, students, heads, weights, and the profile table."""
