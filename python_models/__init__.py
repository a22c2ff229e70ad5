"""Training scripts for pose models, on the public names of lowerpose_ops."""
