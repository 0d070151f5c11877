"""Whether the p-values of a labelling mean what they say: studies on data whose truth is known."""
