"""Model backends; installed as `invert_core.backends`."""
