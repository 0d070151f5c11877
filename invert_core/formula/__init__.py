"""Logical formulas of concepts: their value and their syntax."""
