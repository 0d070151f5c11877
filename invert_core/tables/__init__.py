"""Tables that list samples, one per row: CSV, TSV, JSONL and Parquet."""
