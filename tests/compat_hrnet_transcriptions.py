"""HRNet's evaluation functions from ops.md 1.1 to 1.14 and 6, with loops; written apart from ours.

The names are the original's, so that a script can import either.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import nn

from tests import decode_transcriptions
from tests.gaussian_transcriptions import hrnet as draw_hrnet


def get_max_preds(batch_heatmaps):
    coords, scores = decode_transcriptions.argmax(batch_heatmaps)
    with np.errstate(invalid="ignore"):
        coords *= (scores > 0)[..., None]
    return coords, scores[..., None]


def _point_beside(a, b):
    d = a - b
    return b + np.array([-d[1], d[0]], np.float32)


def transform_preds(coords, center, scale, output_size):
    scale = np.broadcast_to(np.asarray(scale, np.float64), (2,))
    out_w, out_h = output_size
    source, target = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    source[0] = center
    source[1] = np.asarray(center) - np.array([0, 100 * scale[0]])
    target[0] = [out_w * 0.5, out_h * 0.5]
    target[1] = target[0] + np.array([0, -0.5 * out_w], np.float32)
    source[2], target[2] = _point_beside(*source[:2]), _point_beside(*target[:2])
    matrix = cv2.getAffineTransform(target, source)
    moved = np.zeros(coords.shape)
    for p in range(len(coords)):
        moved[p, :2] = matrix @ np.array([coords[p, 0], coords[p, 1], 1.0])
    return moved


def get_final_preds(config, batch_heatmaps, center, scale):
    coords, maxvals = get_max_preds(batch_heatmaps)
    if config.TEST.POST_PROCESS:
        coords, _ = decode_transcriptions.hrnet(batch_heatmaps)
    preds = coords.copy()
    height, width = batch_heatmaps.shape[2:]
    for b in range(len(coords)):
        preds[b] = transform_preds(coords[b], center[b], scale[b], [width, height])
    return preds, maxvals


def accuracy(output, target, hm_type="gaussian", thr=0.5):
    assert hm_type == "gaussian"
    pred, _ = get_max_preds(output)
    goal, _ = get_max_preds(target)
    height, width = output.shape[2:]
    joints = output.shape[1]
    acc = np.zeros(joints + 1)
    found = []
    for j in range(joints):
        hits = total = 0
        for b in range(len(output)):
            if goal[b, j, 0] > 1 and goal[b, j, 1] > 1:
                norm = np.array([height, width]) / 10
                distance = np.linalg.norm(pred[b, j] / norm - goal[b, j] / norm)
                total += 1
                hits += distance < 0.5
        acc[j + 1] = hits / total if total else -1
        if total:
            found.append(acc[j + 1])
    mean = sum(found) / len(found) if found else 0
    acc[0] = mean if found else 0
    return acc, mean, len(found), pred


class JointsMSELoss(nn.Module):
    def __init__(self, use_target_weight):
        super().__init__()
        self.use_target_weight = use_target_weight

    def forward(self, output, target, target_weight):
        total = 0
        for j in range(output.shape[1]):
            w = target_weight[:, j, :, None] if self.use_target_weight else 1.0
            total = total + 0.5 * ((w * output[:, j] - w * target[:, j]) ** 2).mean()
        return total / output.shape[1]


class JointsOHKMMSELoss(nn.Module):
    def __init__(self, use_target_weight, topk=8):
        super().__init__()
        self.use_target_weight, self.topk = use_target_weight, topk

    def forward(self, output, target, target_weight):
        w = target_weight[..., None] if self.use_target_weight else 1.0
        each = 0.5 * ((w * output - w * target) ** 2).mean((2, 3))
        return torch.stack([torch.topk(row, self.topk)[0].sum() / self.topk for row in each]).mean()


def flip_back(output_flipped, matched_parts):
    assert output_flipped.ndim == 4
    mirrored = output_flipped[:, :, :, ::-1]
    for a, b in matched_parts:
        kept = mirrored[:, a].copy()
        mirrored[:, a] = mirrored[:, b]
        mirrored[:, b] = kept
    return mirrored


COCO_SIGMAS = (
    np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
)


def oks_iou(g, d, a_g, a_d, sigmas=None, in_vis_thre=None):
    sigmas = sigmas if isinstance(sigmas, np.ndarray) else COCO_SIGMAS
    similarities = np.zeros(len(d))
    for n in range(len(d)):
        terms = []
        for k in range(len(sigmas)):
            # "list and list" of the original is its second list.
            if in_vis_thre is not None and not d[n, 3 * k + 2] > in_vis_thre:
                continue
            square = (d[n, 3 * k] - g[3 * k]) ** 2 + (d[n, 3 * k + 1] - g[3 * k + 1]) ** 2
            area = (a_g + a_d[n]) / 2 + np.spacing(1)
            terms.append(np.exp(-square / (2 * sigmas[k]) ** 2 / area / 2))
        similarities[n] = np.sum(terms) / len(terms) if terms else 0.0
    return similarities


def _persons(kpts_db):
    scores = np.array([person["score"] for person in kpts_db])
    keypoints = np.array([person["keypoints"].flatten() for person in kpts_db])
    return scores, keypoints, np.array([person["area"] for person in kpts_db])


def oks_nms(kpts_db, thresh, sigmas=None, in_vis_thre=None):
    if len(kpts_db) == 0:
        return []
    scores, keypoints, areas = _persons(kpts_db)
    order = scores.argsort()[::-1]
    keep = []
    while order.size > 0:
        i, rest = order[0], order[1:]
        keep.append(i)
        similarity = oks_iou(
            keypoints[i], keypoints[rest], areas[i], areas[rest], sigmas, in_vis_thre
        )
        order = rest[np.where(similarity <= thresh)[0]]
    return keep


def soft_oks_nms(kpts_db, thresh, sigmas=None, in_vis_thre=None):
    if len(kpts_db) == 0:
        return []
    scores, keypoints, areas = _persons(kpts_db)
    order = scores.argsort()[::-1]
    scores = scores[order]
    keep = []
    while order.size > 0 and len(keep) < 20:
        i, rest = order[0], order[1:]
        keep.append(i)
        similarity = oks_iou(
            keypoints[i], keypoints[rest], areas[i], areas[rest], sigmas, in_vis_thre
        )
        scores = scores[1:] * np.exp(-(similarity**2) / thresh)
        again = scores.argsort()[::-1]
        order, scores = rest[again], scores[again]
    return np.array(keep)


def generate_target(dataset, joints, joints_vis):
    width, height = dataset.heatmap_size
    target = np.zeros((dataset.num_joints, height, width), np.float32)
    weight = np.ones((dataset.num_joints, 1), np.float32)
    stride = np.asarray(dataset.image_size) / np.asarray(dataset.heatmap_size)
    for j in range(dataset.num_joints):
        place = joints[j, :2] / stride
        weight[j] = draw_hrnet(target[j], place, joints_vis[j, 0], dataset.sigma)
    if dataset.use_different_joints_weight:
        weight = np.multiply(weight, dataset.joints_weight)
    return target, weight
