"""Logical formulas of concepts, and their syntax."""
