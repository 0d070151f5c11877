"""Labels of units whose meaning is known, or that are tested on samples nobody searched."""
