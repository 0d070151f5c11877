"""Readers of tables: wide, long, tidy, and columns of spreadsheets."""
