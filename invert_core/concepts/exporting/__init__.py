"""A concept set as files for other programs."""
