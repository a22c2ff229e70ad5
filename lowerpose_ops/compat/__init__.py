"""Drop-in modules: other projects' names, argument order, layouts and results."""
