"""The concept set: its value, its checks, and ways to make one set of several."""
