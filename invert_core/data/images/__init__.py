"""Images as samples: where their bytes lie, and how they become arrays."""
