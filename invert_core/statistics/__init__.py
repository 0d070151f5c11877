"""What chance would do: p-values given ties, corrections for many tests, the Mann-Whitney test."""
