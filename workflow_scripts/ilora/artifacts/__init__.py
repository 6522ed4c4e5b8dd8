"""Reading and writing of artifacts: tables, tensors, and the provenance record of each."""
