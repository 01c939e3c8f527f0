"""What is taken out of texts before they leave the worker."""
