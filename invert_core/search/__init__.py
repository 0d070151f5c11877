"""The searches for the formulas that explain a unit best; they work on arrays, not on files."""
