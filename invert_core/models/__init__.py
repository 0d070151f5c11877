"""Models: what a backend must do, which backends there are, and what layers are called."""
