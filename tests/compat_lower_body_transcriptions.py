"""The lower-body project's functions from ops.md 1.1 to 1.12 and 6; written apart from ours."""

from __future__ import annotations

import numpy as np
import torch

IN_W, IN_H = 192, 256


def generate_target_heatmaps(joints, joints_vis, num_joints=6, hm_size=(48, 64), sigma=2.0):
    from tests.gaussian_transcriptions import lower_body

    width, height = hm_size
    target = np.zeros((num_joints, height, width), np.float32)
    weight = np.zeros((num_joints, 1), np.float32)
    for j in range(num_joints):
        weight[j] = lower_body(target[j], joints[j], joints_vis[j], sigma)
    return target, weight


def decode_heatmaps(hm, beta=100.0, stride=4.0):
    batch, joints, height, width = hm.shape
    flat = hm.reshape(batch, joints, -1)
    probability = torch.softmax(beta * (flat - flat.amax(-1, keepdim=True)), -1)
    ys, xs = torch.meshgrid(
        torch.arange(height, dtype=hm.dtype), torch.arange(width, dtype=hm.dtype), indexing="ij"
    )
    x = probability @ xs.reshape(-1)
    y = probability @ ys.reshape(-1)
    return x * stride, y * stride, probability.max(-1).values


def joints_mse(output, target, target_weight, use_target_weight=True):
    losses = []
    for j in range(output.shape[1]):
        w = target_weight[:, j, :, None] if use_target_weight else 1.0
        losses.append(((w * output[:, j] - w * target[:, j]) ** 2).mean())
    return sum(losses) / len(losses)


def pck_accuracy(pred_x, pred_y, gt, vis, thr):
    hits = total = 0
    for b in range(pred_x.shape[0]):
        for j in range(min(pred_x.shape[1], gt.shape[1])):
            x, y = gt[b, j, 0], gt[b, j, 1]
            if vis[b, j] > 0.5 and 0 <= x < IN_W and 0 <= y < IN_H:
                total += 1
                distance = ((pred_x[b, j] - x) ** 2 + (pred_y[b, j] - y) ** 2).sqrt()
                hits += bool(distance / max(IN_W, IN_H) <= thr)
    return hits / total if total else 0.0


def match_bbox(bbox, img_size, ratio=0.75, scale=1.0):
    center = np.array(bbox[:2]) + np.array(bbox[2:]) / 2
    w, h = np.array(bbox[2:], np.float64) * scale
    w, h = (w, w / ratio) if w / h > ratio else (h * ratio, h)
    corner = np.maximum(center - np.array([w, h]) / 2, 0)
    sides = np.maximum(np.minimum([w, h], np.array(img_size) - corner), 2)
    return [*corner.tolist(), *sides.tolist()]


def crop_and_resize(image, bbox, input_size=(192, 256)):
    x, y, w, h = bbox
    box = [max(0, int(x)), max(0, int(y)), int(x + w), int(y + h)]
    box[2], box[3] = min(box[2], image.width), min(box[3], image.height)
    empty = box[2] <= box[0] or box[3] <= box[1]
    part = image if empty else image.crop(box)
    corner = (0, 0) if empty else (box[0], box[1])
    scale = (input_size[0] / part.width, input_size[1] / part.height)
    return part.resize(input_size, 2), (*corner, *scale)
