"""Small copies of samples to look at: pictures and the beginnings of texts."""
