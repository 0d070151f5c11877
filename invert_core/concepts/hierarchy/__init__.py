"""What is a kind of what: taxonomies, and the concepts that follow from them."""
