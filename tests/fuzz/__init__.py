"""Damages small files of every kind that is read, and watches what the library makes of them.

``python -m tests.fuzz FORMAT --cases N --seed S`` runs the cases; docs/robustness.md says more.
"""
