"""The model backends, which are installed as `invert_core.backends`."""
