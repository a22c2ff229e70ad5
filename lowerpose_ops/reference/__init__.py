"""Plain torch, obvious and slow: what the tests compare with and the benchmarks start from.

Nothing in the package calls these. They take the same shapes as the operations, with a batch.
"""
