"""Metrics: what activations and an extent give besides AUC, each as a column of the result."""
