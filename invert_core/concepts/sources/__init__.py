"""Where people have their concepts: one reader for each kind of source."""
