"""Images as samples: where they are stored, and how they become arrays."""
