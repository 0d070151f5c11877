"""Labelling: from activations and concepts to rows that say what each unit detects."""
