"""Angles, repetitions and advice from the poses of a person who exercises."""
