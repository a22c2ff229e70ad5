"""MMPose's functions from ops.md 1.1 to 1.13, 3 and 6, with loops; written apart from ours."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from tests import gaussian_transcriptions


def _gaussians(draw, size, keypoints, visible, sigma):
    width, height = size
    instances, joints = visible.shape
    sigmas = np.broadcast_to(sigma, instances)
    maps, weights = np.zeros((joints, height, width), np.float32), visible.copy()
    for n in range(instances):
        for k in range(joints):
            drawn = draw(maps[k], keypoints[n, k], visible[n, k], float(sigmas[n]))
            weights[n, k] = drawn
    return maps, weights


def generate_gaussian_heatmaps(heatmap_size, keypoints, keypoints_visible, sigma):
    draw = gaussian_transcriptions.mmpose_msra
    return _gaussians(draw, heatmap_size, keypoints, keypoints_visible, sigma)


def generate_udp_gaussian_heatmaps(heatmap_size, keypoints, keypoints_visible, sigma):
    draw = gaussian_transcriptions.mmpose_udp
    return _gaussians(draw, heatmap_size, keypoints, keypoints_visible, sigma)


def _unbiased(target, joint, v, sigma):
    if v < 0.5:
        return v
    height, width = target.shape
    if (joint - 3 * sigma >= [width, height]).any() or (joint + 3 * sigma + 1 < 0).any():
        return 0.0
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    gaussian = np.exp(-((x - joint[0]) ** 2 + (y - joint[1]) ** 2) / (2 * sigma**2))
    target[:] = np.maximum(target, gaussian)
    return v


def generate_unbiased_gaussian_heatmaps(heatmap_size, keypoints, keypoints_visible, sigma):
    return _gaussians(_unbiased, heatmap_size, keypoints, keypoints_visible, sigma)


def generate_offset_heatmap(heatmap_size, keypoints, keypoints_visible, radius_factor):
    width, height = heatmap_size
    instances, joints = keypoints_visible.shape
    maps = np.zeros((joints, 3, height, width), np.float32)
    radius = radius_factor * max(width, height)
    for n in range(instances):
        for k in range(joints):
            if keypoints_visible[n, k] < 0.5:
                continue
            x = (float(keypoints[n, k, 0]) - np.arange(width)) / radius
            y = (float(keypoints[n, k, 1]) - np.arange(height)[:, None]) / radius
            maps[k, 0] = np.where(x**2 + y**2 <= 1, 1.0, 0.0)
            maps[k, 1], maps[k, 2] = x, y
    return maps.reshape(-1, height, width), keypoints_visible.copy()


def get_heatmap_maximum(heatmaps):
    width = heatmaps.shape[-1]
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1)
    index = flat.argmax(-1)
    places = np.stack([index % width, index // width], -1).astype(np.float32)
    values = flat.max(-1)
    with np.errstate(invalid="ignore"):
        places[values <= 0] = -1
    return places, values


def refine_keypoints(keypoints, heatmaps):
    height, width = heatmaps.shape[1:]
    for n in range(len(keypoints)):
        for k in range(len(heatmaps)):
            heatmap, (x, y) = heatmaps[k], keypoints[n, k].astype(int)
            dx = dy = 0.0
            if 1 < x < width - 1 and 0 < y < height:
                dx = heatmap[y, x + 1] - heatmap[y, x - 1]
            if 1 < y < height - 1 and 0 < x < width:
                dy = heatmap[y + 1, x] - heatmap[y - 1, x]
            keypoints[n, k] += np.sign([dx, dy]) * 0.25
    return keypoints


def gaussian_blur(heatmaps, kernel):
    margin = (kernel - 1) // 2
    for heatmap in heatmaps:
        highest = heatmap.max()
        padded = np.pad(heatmap.astype(np.float32), margin)
        heatmap[:] = cv2.GaussianBlur(padded, (kernel, kernel), 0)[margin:-margin, margin:-margin]
        with np.errstate(all="ignore"):
            heatmap *= highest / heatmap.max()
    return heatmaps


def refine_keypoints_dark(keypoints, heatmaps, blur_kernel_size):
    gaussian_blur(heatmaps, blur_kernel_size)
    np.log(np.maximum(heatmaps, 1e-10, out=heatmaps), heatmaps)
    height, width = heatmaps.shape[1:]
    for n in range(len(keypoints)):
        for k in range(len(heatmaps)):
            at, (x, y) = heatmaps[k].astype(np.float64), keypoints[n, k].astype(int)
            if not (1 < x < width - 2 and 1 < y < height - 2):
                continue
            dx = 0.5 * (at[y, x + 1] - at[y, x - 1])
            dy = 0.5 * (at[y + 1, x] - at[y - 1, x])
            dxx = 0.25 * (at[y, x + 2] - 2 * at[y, x] + at[y, x - 2])
            dyy = 0.25 * (at[y + 2, x] - 2 * at[y, x] + at[y - 2, x])
            dxy = 0.25 * (at[y + 1, x + 1] - at[y - 1, x + 1] - at[y + 1, x - 1] + at[y - 1, x - 1])
            if dxx * dyy - dxy**2 != 0:
                step = np.linalg.inv(np.array([[dxx, dxy], [dxy, dyy]])) @ [dx, dy]
                keypoints[n, k] -= step.astype(keypoints.dtype)
    return keypoints


def refine_keypoints_dark_udp(keypoints, heatmaps, blur_kernel_size):
    gaussian_blur(heatmaps, blur_kernel_size)
    np.log(np.clip(heatmaps, 1e-3, 50.0, heatmaps), heatmaps)
    count, height, width = heatmaps.shape
    flat = np.pad(heatmaps, ((0, 0), (1, 1), (1, 1)), mode="edge").flatten().astype(np.float64)
    for n in range(len(keypoints)):
        index = keypoints[n, :, 0] + 1 + (keypoints[n, :, 1] + 1) * (width + 2)
        index += (width + 2) * (height + 2) * np.arange(count)
        for k, i in enumerate(index.astype(int)):
            here, right, left = flat[i], flat[i + 1], flat[i - 1]
            down, up = flat[i + width + 2], flat[i - width - 2]
            corners = flat[i + width + 3] + flat[i - width - 3]
            dxy = 0.5 * (corners - right - down + 2 * here - left - up)
            hessian = [[right - 2 * here + left, dxy], [dxy, down - 2 * here + up]]
            inverse = np.linalg.inv(np.array(hessian) + np.finfo(np.float32).eps * np.eye(2))
            step = inverse @ [0.5 * (right - left), 0.5 * (down - up)]
            keypoints[n, k] -= step.astype(keypoints.dtype)
    return keypoints


def msra_decode(heatmaps, input_size, unbiased=False, kernel=11):
    maps = heatmaps.copy()
    places, scores = get_heatmap_maximum(maps)
    places = places[None]
    if unbiased:
        refine_keypoints_dark(places, maps, kernel)
    else:
        refine_keypoints(places, maps)
    return places * (np.array(input_size) / heatmaps.shape[:0:-1]), scores[None]


def udp_decode(heatmaps, input_size, kernel=11):
    maps = heatmaps.copy()
    places, scores = get_heatmap_maximum(maps)
    refine_keypoints_dark_udp(places[None], maps, kernel)
    last = np.array(heatmaps.shape[:0:-1]) - 1
    return places[None] / last * input_size, scores[None]


def udp_decode_combined(heatmaps, input_size, radius_factor=0.0546875, kernel=11):
    _, height, width = heatmaps.shape
    size = 2 * kernel + 1
    discs = np.stack([cv2.GaussianBlur(m, (size, size), 0) for m in heatmaps[::3]])
    places, scores = get_heatmap_maximum(discs)
    radius = radius_factor * max(width, height)
    xs, ys = (heatmaps[i::3].flatten() * radius for i in (1, 2))
    for k in range(len(places)):
        index = int(places[k, 0] + places[k, 1] * width + width * height * k)
        places[k] += [xs[index], ys[index]]
    return places[None] / [width - 1, height - 1] * input_size, scores[None]


def keypoint_mse(output, target, weights, mask, skip_empty, loss_weight):
    factor = torch.ones_like(target)
    if weights is not None:
        factor = factor * (weights if weights.ndim == 4 else weights[:, :, None, None])
    if mask is not None:
        factor = factor * mask
    if skip_empty:
        factor = factor * (target != 0).flatten(2).any(2)[:, :, None, None]
    return loss_weight * (factor * (output - target) ** 2).mean()


def keypoint_ohkm(output, target, weights, topk, loss_weight):
    w = 1.0 if weights is None else weights[:, :, None, None]
    each = ((w * output - w * target) ** 2).mean((2, 3))
    return loss_weight * torch.stack([torch.topk(row, topk)[0].mean() for row in each]).mean()


def distances(pred, gt, mask, norm):
    """-1 where nothing counts; [K, N]; norms that are not positive change in place."""
    found = np.full(mask.shape, -1, np.float32)
    for n in range(len(pred)):
        zero = (norm[n] == 0).any()
        norm[n][norm[n] <= 0] = 1e6
        for k in range(pred.shape[1]):
            if mask[n, k] and not zero:
                found[n, k] = np.linalg.norm((pred[n, k] - gt[n, k]) / norm[n])
    return found.T


def keypoint_pck_accuracy(pred, gt, mask, thr, norm_factor):
    acc = []
    for row in distances(pred, gt, mask, norm_factor):
        valid = row[row != -1]
        acc.append((valid < thr).sum() / len(valid) if len(valid) else -1)
    acc = np.array(acc)
    valid = acc[acc >= 0]
    return acc, valid.mean() if len(valid) else 0.0, len(valid)


def keypoint_auc(pred, gt, mask, norm_factor, num_thrs=20):
    norm = np.tile(np.array([[norm_factor, norm_factor]]), (len(pred), 1))
    scores = [keypoint_pck_accuracy(pred, gt, mask, i / num_thrs, norm)[1] for i in range(num_thrs)]
    return sum(scores) / num_thrs


def keypoint_nme(pred, gt, mask, normalize_factor):
    found = distances(pred, gt, mask, normalize_factor)
    valid = found[found != -1]
    return valid.sum() / max(1, len(valid))


def keypoint_epe(pred, gt, mask):
    return keypoint_nme(pred, gt, mask, np.ones((len(pred), pred.shape[2]), np.float32))


def keypoint_mpjpe(pred, gt, mask, alignment="none"):
    aligned = pred.copy()
    for n in range(len(pred)):
        if alignment == "scale":
            aligned[n] *= (pred[n] * gt[n]).sum() / (pred[n] ** 2).sum()
        if alignment == "procrustes":
            source, goal = pred[n] - pred[n].mean(0), gt[n] - gt[n].mean(0)
            u, _, vt = np.linalg.svd(source.T @ goal)
            flip = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
            rotation = vt.T @ flip @ u.T
            scale = np.trace(rotation @ source.T @ goal) / (source**2).sum()
            aligned[n] = scale * source @ rotation.T + gt[n].mean(0)
    return np.linalg.norm(aligned - gt, axis=-1)[mask].mean()
