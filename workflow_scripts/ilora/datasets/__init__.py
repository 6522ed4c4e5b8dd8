"""The built-in, published data sets; docs/adding_a_dataset.md explains how to add one."""
