from __future__ import annotations

import numpy as np

from python_models.evaluation.person_ratio import BINS, UNKNOWN, person_ratios, ratio_bins


def test_the_ratio_is_of_areas():
    boxes = np.array([[5, 5, 10, 20], [0, 0, 100, 50], [-50, 0, 100, 50.0]])
    sizes = np.array([[100, 50], [100, 50], [100, 50]])
    np.testing.assert_array_equal(person_ratios(boxes, sizes), [0.04, 1, 1])


def test_an_edge_belongs_to_the_bin_above():
    below = np.nextafter([0.05, 0.075, 0.1], 0)
    ratios = np.array([0.0, 0.05, 0.075, 0.1, 3.0, *below])
    names = [BINS[index] for index in ratio_bins(ratios)]
    assert names[:5] == ["below 0.05", "0.05 to 0.075", "0.075 to 0.1", "0.1 and up", "0.1 and up"]
    assert names[5:] == ["below 0.05", "0.05 to 0.075", "0.075 to 0.1"]


def test_an_unknown_image_size_is_no_ratio():
    boxes = np.array([[0, 0, 10, 10.0]] * 3)
    ratios = person_ratios(boxes, np.array([[0, 0], [np.nan, 10], [10, 10]]))
    assert ratio_bins(ratios).tolist() == [UNKNOWN, UNKNOWN, 3]
