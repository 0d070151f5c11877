"""Kills extractions and labellings at random, lets the same call go on, and compares the bytes.

``python -m tests.kills --kills 100 --seed S`` runs it; docs/robustness.md says more.
"""
