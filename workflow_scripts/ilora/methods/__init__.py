"""What the methods of a study are; docs/adding_a_method.md says how to add one."""
