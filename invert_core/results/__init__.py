"""Results of a labelling, on disk and in memory; whoever reads one needs no engine."""
