"""Writing and reading what the pipeline keeps: tables, tensors, and the record of where each came from."""
