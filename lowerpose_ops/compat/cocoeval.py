"""COCOeval for keypoints: in place of pycocotools' class, with its numbers.

    from lowerpose_ops.compat.cocoeval import COCOeval

Ground truth and results are pycocotools' COCO objects, or others with getImgIds, getCatIds,
getAnnIds and loadAnns. See docs/keypoint_ap.md for where the results differ and how to choose.
"""

from __future__ import annotations

import copy
import datetime
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._arguments import value_error
from ..arrays import _keypoint_matching as matching
from ..arrays._coco_statistics import AREA_RANGES, STATISTICS, mean_of_known
from ..keypoint_ap_presets import rules
from ..skeletons import COCO_SIGMAS
from ._coco_tables import AnnotationTable, eval_images, similarities

__all__ = ["COCOeval", "Params"]


class Params:
    """What is evaluated, under pycocotools' names; assign to change it."""

    def __init__(self, iouType: str = "keypoints") -> None:  # noqa: N803
        _require_keypoints(iouType)
        self.iouType = iouType
        self.imgIds: list[Any] = []
        self.catIds: list[Any] = []
        self.iouThrs: Any = np.linspace(0.5, 0.95, 10)
        self.recThrs: Any = np.linspace(0, 1, 101)
        self.maxDets = [20]
        self.areaRng = [list(limits) for limits in AREA_RANGES.values()]
        self.areaRngLbl = list(AREA_RANGES)
        self.useCats = 1
        # pycocotools' own last bits: it divides numbers with two decimals.
        self.kpt_oks_sigmas: Any = np.round(np.array(COCO_SIGMAS) * 10, 2) / 10.0
        self.useSegm = None


class COCOeval:
    """Average precision and recall of keypoints: evaluate, accumulate, summarize.

    Args:
        cocoGt: Ground truth, with getImgIds, getCatIds, getAnnIds and loadAnns. Annotations have
            image_id, category_id, id, keypoints, area, num_keypoints, and bbox where no joint is
            labelled; iscrowd counts as 0 where it is missing. They are not changed: pycocotools
            writes `ignore` and `_ignore` into them.
        cocoDt: Results, likewise, with image_id, category_id, id, keypoints, score and area.
        iouType: "keypoints"; nothing else is evaluated here.
        sigmas: One a joint, instead of COCO's 17; also `params.kpt_oks_sigmas`.
        use_area: False takes 0.53 times the area of the box for that of the annotation.
        preset: "coco" for pycocotools' numbers, "xtcoco" for xtcocotools'.
        fixed: Without the preset's bugs.
        zero_ids, label_count, unscored, nan_similarity, pooled_categories: Single rules in
            place of the preset's, see docs/keypoint_ap.md.

    Attributes:
        params: See `Params`.
        eval: After accumulate: params, counts, date, precision and scores [T, R, K, A, M], recall
            [T, K, A, M].
        stats: After summarize: the ten numbers.
        ious, evalImgs: pycocotools' tables, made when they are first looked at. They can be read
            and not assigned.

    Raises:
        ValueError: Another iouType; sigmas that are not positive and finite or not one a joint.
        KeyError: An annotation lacks what is needed.

    Example:
        >>> COCOeval(iouType="bbox")
        Traceback (most recent call last):
            ...
        ValueError: COCOeval: iouType must be 'keypoints', got 'bbox'

    COCO: https://cocodataset.org/#keypoints-eval
    """

    def __init__(
        self,
        cocoGt: Any = None,  # noqa: N803
        cocoDt: Any = None,  # noqa: N803
        iouType: str = "keypoints",  # noqa: N803
        sigmas: Any = None,
        use_area: bool = True,
        *,
        preset: str = "coco",
        fixed: bool = False,
        zero_ids: str | None = None,
        label_count: str | None = None,
        unscored: str | None = None,
        nan_similarity: str | None = None,
        pooled_categories: str | None = None,
    ) -> None:
        self.cocoGt = cocoGt
        self.cocoDt = cocoDt
        self.params = Params(iouType)
        if sigmas is not None:
            self.params.kpt_oks_sigmas = sigmas
        self.use_area = use_area
        self.eval: dict[str, Any] = {}
        self.stats: Any = []
        self._rules = rules(
            *("COCOeval", preset, fixed),
            zero_ids=zero_ids,
            label_count=label_count,
            unscored=unscored,
            nan_similarity=nan_similarity,
            pooled_categories=pooled_categories,
        )
        self._evaluated: Params | None = None
        self._ious: dict[tuple[Any, Any], Any] | None = None
        self._eval_images: list[dict[str, Any] | None] | None = None
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())

    def evaluate(self) -> None:
        """Compares all images' detections with their people."""
        start = time.time()
        p = self.params
        _require_keypoints(p.iouType)
        if p.useSegm is not None:
            raise value_error("COCOeval", "params.useSegm", "None", p.useSegm)
        print("Running per image evaluation...")
        print(f"Evaluate annotation type *{p.iouType}*")
        p.imgIds = list(np.unique(p.imgIds))
        if p.useCats:
            p.catIds = list(np.unique(p.catIds))
        p.maxDets = sorted(p.maxDets)
        sigmas = np.array(p.kpt_oks_sigmas, np.float64)
        variances = matching.variances("COCOeval", "params.kpt_oks_sigmas", sigmas)

        self._truth = AnnotationTable(self.cocoGt, p)
        self._found = AnnotationTable(self.cocoDt, p)
        truths = self._truth.truths(len(sigmas), self._rules, self.use_area)
        predictions = self._found.predictions(len(sigmas), self._rules, p.maxDets[-1])
        self._matching = matching.match(
            predictions,
            truths,
            variances,
            np.array(p.iouThrs, np.float64),
            np.array(p.areaRng, np.float64).reshape(-1, 2),
            num_categories=len(p.catIds) if p.useCats else 1,
            comparable=bool(p.useCats) or self._rules.pooled_categories == "matched",
            nan_matches=self._rules.nan_similarity == "match",
        )
        self._truth_ignored = truths.ignored, truths.areas
        self._evaluated = _copied(p)
        self._ious = self._eval_images = None
        self.eval = {}
        print(f"DONE (t={time.time() - start:0.2f}s).")

    def accumulate(self, p: Params | None = None) -> None:
        """Makes precision and recall of all images' matches."""
        start = time.time()
        print("Accumulating evaluation results...")
        evaluated = self._evaluated
        if evaluated is None:
            raise RuntimeError("COCOeval: please run evaluate() first")
        if p is None:
            p = self.params
        p.catIds = p.catIds if p.useCats == 1 else [-1]
        if len(p.iouThrs) != len(evaluated.iouThrs):
            raise value_error("COCOeval", "params.iouThrs", "those of evaluate()", list(p.iouThrs))
        images = np.zeros(len(evaluated.imgIds), bool)
        images[_places("imgIds", p.imgIds, evaluated.imgIds)] = True
        ranges = [tuple(limits) for limits in p.areaRng]
        numbers = [number for number in p.maxDets if number in set(evaluated.maxDets)]
        categories = evaluated.catIds if evaluated.useCats else [-1]
        counts = [len(p.iouThrs), len(p.recThrs), len(p.catIds), len(p.areaRng), len(p.maxDets)]
        curves = matching.curves(
            self._matching,
            np.array(p.recThrs, np.float64),
            images,
            _places("catIds", p.catIds, categories),
            _places("areaRng", ranges, [tuple(limits) for limits in evaluated.areaRng]),
            numbers,
            (counts[2], counts[3], counts[4]),
        )
        self.eval = {
            "params": p,
            "counts": counts,
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": curves.precision,
            "recall": curves.recall,
            "scores": curves.scores,
        }
        print(f"DONE (t={time.time() - start:0.2f}s).")

    def summarize(self) -> None:
        """Prints the ten numbers and puts them into `stats`."""
        if not self.eval:
            raise RuntimeError("COCOeval: please run accumulate() first")
        self.stats = np.array([self._statistic(*what) for what in STATISTICS.values()])

    def _statistic(self, kind: str, threshold: float | None, area: str) -> float:
        p, max_dets = self.params, 20
        values = self.eval[kind]
        thresholds = np.asarray(p.iouThrs)
        if threshold is not None:
            values = values[thresholds == threshold]
        labels = zip(
            p.areaRngLbl, p.areaRng, strict=False
        )  # of one without a label nothing is known
        in_range = [place for place, (label, _) in enumerate(labels) if label == area]
        chosen = values[..., in_range, :][..., [number == max_dets for number in p.maxDets]]
        mean = mean_of_known(chosen)
        title = "Average Precision" if kind == "precision" else "Average Recall"
        word = "(AP)" if kind == "precision" else "(AR)"
        span = (
            f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}"
            if threshold is None
            else f"{threshold:0.2f}"
        )
        print(
            f" {title:<18} {word} @[ IoU={span:<9} | area={area:>6s} "
            f"| maxDets={max_dets:>3d} ] = {mean:0.3f}"
        )
        return mean

    @property
    def ious(self) -> dict[tuple[Any, Any], Any]:
        """{(image, category): similarities [detections, people]}; [] where there are none."""
        if self._evaluated is None:
            return {}
        if self._ious is None:
            self._ious = similarities(self._matching, self._evaluated)
        return self._ious

    @property
    def evalImgs(self) -> list[dict[str, Any] | None]:  # noqa: N802
        """One dict a category, area range and image, in this order; None for an empty image."""
        if self._evaluated is None:
            return []
        if self._eval_images is None:
            self._eval_images = eval_images(
                *(self._matching, self._evaluated, self._truth, self._found),
                *self._truth_ignored,
                unmatched=0 if self._rules.zero_ids == "unmatched" else -1,
            )
        return self._eval_images


def _require_keypoints(kind: object) -> None:
    if kind != "keypoints":
        raise value_error("COCOeval", "iouType", "'keypoints'", kind)


def _copied(p: Params) -> Params:
    """As it is now, whatever is assigned or appended later."""
    kept = copy.copy(p)
    kept.imgIds, kept.catIds, kept.maxDets = list(p.imgIds), list(p.catIds), list(p.maxDets)
    kept.iouThrs, kept.areaRng = list(p.iouThrs), [list(limits) for limits in p.areaRng]
    return kept


def _places(name: str, asked: Iterable[Any], evaluated: list[Any]) -> list[int]:
    """Where those of `asked` stand that were evaluated."""
    known = set(evaluated)
    places = [place for place, value in enumerate(asked) if value in known]
    if places and places[-1] >= len(evaluated):
        raise value_error("COCOeval", f"params.{name}", "those of evaluate()", list(asked))
    return places
