"""The language model: backbone, adapter, behaviour tokens and inputs."""
