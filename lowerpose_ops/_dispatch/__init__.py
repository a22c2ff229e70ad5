"""The public functions that take NumPy arrays as well as torch tensors, a file an operation.

NumPy arrays go to arrays/, tensors to ops/. Torch is imported only by who has a tensor.
"""
