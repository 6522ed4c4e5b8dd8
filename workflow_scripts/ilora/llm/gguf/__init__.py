"""GGUF, the file format of llama.cpp: reading its metadata and converting it to a transformers model folder."""
