"""Reading and writing files: atomic writes, locks, checks of what comes from outside."""
