"""The concept set: its value, its checks, and what makes one set of several."""
