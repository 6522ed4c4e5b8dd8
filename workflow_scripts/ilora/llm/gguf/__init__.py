"""GGUF, the file format of llama.cpp: what a file says of its model, and the model as a folder of transformers."""
