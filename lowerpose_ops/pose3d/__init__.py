"""Poses in space: their errors, alignments, angles and pictures.

Everything is computed in float64 where the tensors are, with gradients, and without waiting for a
GPU. `docs/pose3d.md` has the formulas.
"""
