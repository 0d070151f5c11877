"""Models: the contract for backends, the backends that exist, and the names of layers."""
