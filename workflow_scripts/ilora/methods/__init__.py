"""The methods of a study; docs/adding_a_method.md explains how to add one."""
