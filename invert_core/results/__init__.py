"""Results of a labelling, in memory and on disk; reading them imports no search or kernels."""
