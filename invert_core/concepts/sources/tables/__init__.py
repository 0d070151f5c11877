"""Tables: wide, long, tidy, and columns of spreadsheets."""
