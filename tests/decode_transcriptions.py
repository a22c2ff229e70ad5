"""Other projects' decodings, joint by joint in NumPy, from the rows of their formulas.

Each takes heatmaps [B, K, H, W] in float32 and returns coordinates [B, K, 2] and scores [B, K].
The blurs are OpenCV's and SciPy's own. What decides (indices, invalid joints) is theirs exactly;
values may differ in the last places of float32.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter


def argmax(heatmaps):
    batch, num_joints, _, width = heatmaps.shape
    flat = heatmaps.reshape(batch, num_joints, -1)
    index = flat.argmax(2)  # the first maximum, or the first NaN
    coords = np.stack([index % width, index // width], -1).astype(np.float32)
    return coords, flat.max(2)


def hrnet(heatmaps):
    coords, scores = argmax(heatmaps)
    coords *= (scores > 0)[..., None]
    batch, num_joints, height, width = heatmaps.shape
    for b in range(batch):
        for k in range(num_joints):
            heatmap, (x, y) = heatmaps[b, k], np.floor(coords[b, k] + 0.5).astype(int)
            if 1 < x < width - 1 and 1 < y < height - 1:
                slopes = np.array(
                    [
                        heatmap[y, x + 1] - heatmap[y, x - 1],
                        heatmap[y + 1, x] - heatmap[y - 1, x],
                    ]
                )
                coords[b, k] += np.sign(slopes) * 0.25
    return coords, scores


def _mmpose_maximum(heatmaps):
    coords, scores = argmax(heatmaps)
    coords[scores <= 0] = -1
    return coords, scores


def mmpose_msra(heatmaps):
    coords, scores = _mmpose_maximum(heatmaps)
    batch, num_joints, height, width = heatmaps.shape
    for b in range(batch):
        for k in range(num_joints):
            heatmap, (x, y) = heatmaps[b, k], coords[b, k].astype(int)
            dx = dy = 0.0
            if 1 < x < width - 1 and 0 < y < height:
                dx = heatmap[y, x + 1] - heatmap[y, x - 1]
            if 1 < y < height - 1 and 0 < x < width:
                dy = heatmap[y + 1, x] - heatmap[y - 1, x]
            coords[b, k] += np.sign([dx, dy]) * 0.25
    return coords, scores


def _mmpose_blur(heatmaps, kernel):
    """Zeros around the map, and the blurred map brought back to the map's maximum."""
    margin = (kernel - 1) // 2
    blurred = np.empty_like(heatmaps)
    for heatmap, result in zip(
        heatmaps.reshape(-1, *heatmaps.shape[2:]),
        blurred.reshape(-1, *heatmaps.shape[2:]),
        strict=True,
    ):
        padded = cv2.GaussianBlur(np.pad(heatmap, margin), (kernel, kernel), 0)
        result[:] = padded[margin:-margin, margin:-margin]
        with np.errstate(all="ignore"):
            result *= heatmap.max() / result.max()
    return blurred


def mmpose_dark(heatmaps, kernel=11):
    coords, scores = _mmpose_maximum(heatmaps)
    logs = np.log(np.maximum(_mmpose_blur(heatmaps, kernel), 1e-10))
    batch, num_joints, height, width = heatmaps.shape
    for b in range(batch):
        for k in range(num_joints):
            at, (x, y) = logs[b, k].astype(np.float64), coords[b, k].astype(int)
            if not (1 < x < width - 2 and 1 < y < height - 2):
                continue
            dx = 0.5 * (at[y, x + 1] - at[y, x - 1])
            dy = 0.5 * (at[y + 1, x] - at[y - 1, x])
            dxx = 0.25 * (at[y, x + 2] - 2 * at[y, x] + at[y, x - 2])
            dyy = 0.25 * (at[y + 2, x] - 2 * at[y, x] + at[y - 2, x])
            dxy = 0.25 * (at[y + 1, x + 1] - at[y - 1, x + 1] - at[y + 1, x - 1] + at[y - 1, x - 1])
            hessian = np.array([[dxx, dxy], [dxy, dyy]])
            if dxx * dyy - dxy**2 != 0:
                coords[b, k] += (-np.linalg.inv(hessian) @ [dx, dy]).astype(np.float32)
    return coords, scores


def _udp_steps(coords, padded, epsilon):
    """One-pixel differences at one float32 index into all padded maps, flattened."""
    maps, height, width = padded.shape
    flat = padded.reshape(-1).astype(np.float64)
    index = coords[:, 0] + 1 + (coords[:, 1] + 1) * np.float32(width)
    index = (index.astype(np.float64) + height * width * np.arange(maps)).astype(np.float32)
    index = index.astype(np.int64)
    center, right, left = flat[index], flat[index + 1], flat[index - 1]
    down, up = flat[index + width], flat[index - width]
    after, before = flat[index + width + 1], flat[index - width - 1]
    dx, dy = 0.5 * (right - left), 0.5 * (down - up)
    dxx, dyy = right - 2 * center + left, down - 2 * center + up
    dxy = 0.5 * (after - right - down + 2 * center - left - up + before)
    hessian = np.stack([np.stack([dxx, dxy], -1), np.stack([dxy, dyy], -1)], -1)
    hessian += epsilon * np.eye(2)
    step = np.linalg.inv(hessian) @ np.stack([dx, dy], -1)[..., None]
    return (coords - step[..., 0]).astype(np.float32)


def _padded_logs(blurred):
    with np.errstate(invalid="ignore"):
        logs = np.log(np.clip(blurred, 1e-3, 50.0))
    return np.pad(logs, ((0, 0), (1, 1), (1, 1)), mode="edge")


def mmpose_udp(heatmaps, kernel=11):
    coords, scores = _mmpose_maximum(heatmaps)
    for b, blurred in enumerate(_mmpose_blur(heatmaps, kernel)):
        coords[b] = _udp_steps(coords[b], _padded_logs(blurred), np.finfo(np.float32).eps)
    return coords, scores


def vitpose_hf(heatmaps):
    coords, scores = argmax(heatmaps)
    coords[~(scores > 0)] = -1
    maps = heatmaps.reshape(-1, *heatmaps.shape[2:])
    blurred = np.stack([gaussian_filter(m, 0.8, radius=(5, 5), mode="reflect") for m in maps])
    flat = coords.reshape(-1, 2)
    flat[:] = _udp_steps(flat, _padded_logs(blurred), np.finfo(np.float32).eps)
    return coords, scores


def udp_original(heatmaps):
    coords, scores = argmax(heatmaps)
    coords *= (scores > 0)[..., None]
    batch, num_joints = heatmaps.shape[:2]
    for b in range(batch):
        for k in range(num_joints):
            heatmap = heatmaps[b, k].astype(np.float64)
            blurred = cv2.GaussianBlur(heatmap, (7, 7), 0)
            with np.errstate(all="ignore"):
                least, most = blurred.min(), blurred.max()
                blurred = (blurred - least) / (most - least) * heatmap.max()
            at = _padded_logs(blurred[None])[0]
            x, y = coords[b, k].astype(int) + 1
            dx, dy = 0.5 * (at[y, x + 1] - at[y, x - 1]), 0.5 * (at[y + 1, x] - at[y - 1, x])
            dxx = at[y, x + 1] - 2 * at[y, x] + at[y, x - 1]
            dyy = at[y + 1, x] - 2 * at[y, x] + at[y - 1, x]
            dxy = 0.5 * (
                at[y + 1, x + 1]
                - at[y, x + 1]
                - at[y + 1, x]
                + 2 * at[y, x]
                - at[y, x - 1]
                - at[y - 1, x]
                + at[y - 1, x - 1]
            )
            hessian = np.array([[dxx, dxy], [dxy, dyy]])
            if np.linalg.det(hessian) != 0:
                coords[b, k] -= (np.linalg.inv(hessian) @ [dx, dy]).astype(np.float32)
    return coords, scores


def hourglass(heatmaps):
    batch, num_joints, height, width = heatmaps.shape
    around = np.pad(heatmaps, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    pooled = np.max(
        [around[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0
    )
    coords, scores = argmax(heatmaps * (pooled == heatmaps))
    for b in range(batch):
        for k in range(num_joints):
            if not scores[b, k] > 0:
                continue
            heatmap, (x, y) = heatmaps[b, k], coords[b, k].astype(int)
            left, right = heatmap[y, max(x - 1, 0)], heatmap[y, min(x + 1, width - 1)]
            up, down = heatmap[max(y - 1, 0), x], heatmap[min(y + 1, height - 1), x]
            coords[b, k, 0] += 0.25 if right > left else -0.25
            coords[b, k, 1] += 0.25 if down > up else -0.25
            coords[b, k] += 0.5
    return coords, scores
