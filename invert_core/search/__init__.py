"""The searches for the best formulas of units: over arrays, in threads."""
