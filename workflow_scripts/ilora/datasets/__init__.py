"""The data sets that a study can take as they are published; docs/adding_a_dataset.md says how to add one."""
