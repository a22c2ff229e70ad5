"""Errors of poses in space, pose by pose in plain NumPy, with its singular values."""

from __future__ import annotations

import numpy as np


def similarity(source, goal, *, scale=True):
    """(matrix, source's mean, goal's mean) of rows: (source - mean) @ matrix + mean."""
    source_mean, goal_mean = source.mean(0), goal.mean(0)
    source, goal = source - source_mean, goal - goal_mean
    u, s, vt = np.linalg.svd(source.T @ goal)
    signs = np.array([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    square = (source**2).sum()
    factor = (s * signs).sum() / square if scale and square > 0 else 1.0
    return factor * rotation, source_mean, goal_mean


def counted(gt, mask):
    known = np.isfinite(gt).all(-1) & (np.abs(gt) <= 2.0**30).all(-1)
    return known if mask is None else known & (mask >= 0.5)


def procrustes(pred, gt, mask=None, *, scale=True):
    """Of poses [B, K, 3]."""
    moved, counts = np.full(pred.shape, np.nan), counted(gt, mask)
    for b in range(len(pred)):
        used = counts[b]
        if used.any() and np.isfinite(pred[b, used]).all():
            matrix, source_mean, goal_mean = similarity(pred[b, used], gt[b, used], scale=scale)
            moved[b] = (pred[b] - source_mean) @ matrix + goal_mean
    return moved


def joint_errors(pred, gt, mask=None, align="none", root=(0,)):
    """[B, K], NaN where a joint does not count."""
    errors, counts = np.full(pred.shape[:2], np.nan), counted(gt, mask)
    for b in range(len(pred)):
        used = counts[b]
        if align == "root" and not used[list(root)].all():
            continue
        p, g = pred[b], gt[b]
        if align == "root":
            p, g = p - p[list(root)].mean(0), g - g[list(root)].mean(0)
        if align == "scale" and used.any() and (p[used] ** 2).sum() > 0:
            p = p * (p[used] * g[used]).sum() / (p[used] ** 2).sum()
        if align == "procrustes":
            (p,) = procrustes(p[None], g[None], used[None])
        for k in np.flatnonzero(used):
            errors[b, k] = np.sqrt(((p[k] - g[k]) ** 2).sum())
    return errors


def mpjpe(*poses, **options):
    errors = joint_errors(*poses, **options)
    found = errors[~np.isnan(errors)]
    return found.sum() / len(found) if len(found) else np.nan


def velocity_error(pred, gt, mask=None):
    """Of motions [T, K, D]: the errors [T - 1, K]."""
    counts = counted(gt, mask)
    errors = np.full((len(pred) - 1, pred.shape[1]), np.nan)
    for t in range(len(errors)):
        for k in range(pred.shape[1]):
            if counts[t, k] and counts[t + 1, k]:
                difference = (pred[t + 1, k] - pred[t, k]) - (gt[t + 1, k] - gt[t, k])
                errors[t, k] = np.linalg.norm(difference)
    return errors


def joint_angle(one, vertex, other):
    """In degrees, by arccos."""
    u, v = one - vertex, other - vertex
    cosine = (u @ v) / (np.linalg.norm(u) * np.linalg.norm(v))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def project_point(point, camera_matrix, rotation=None, translation=None, distortion=None):
    """One point; the formulas of OpenCV's documentation of cv2.projectPoints."""
    if rotation is not None:
        point = rotation @ point
    if translation is not None:
        point = point + translation
    if not point[2] > 0:
        return np.full(2, np.nan)
    x, y = point[:2] / point[2]
    if distortion is not None:
        k1, k2, p1, p2, k3 = [*distortion, 0.0][:5]
        r2 = x**2 + y**2
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2),
            y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y,
        )
    return (camera_matrix @ np.array([x, y, 1.0]))[:2]


def multi_view_loss(
    pose, points, rotation, camera_matrix, translation=None, mask=None, limb=None, limb_length=None
):
    """Of one pose [K, 3]."""
    turned = pose @ rotation.T
    if limb is not None:
        turned = turned / np.linalg.norm(turned[limb[0]] - turned[limb[1]]) * limb_length
    if translation is not None:
        turned = turned + translation
    squares = []
    for k in np.flatnonzero(counted(points, mask)):
        shown = project_point(turned[k], camera_matrix)
        if not turned[k][2] <= 0:
            squares.extend((shown - points[k]) ** 2)
    return np.mean(squares) if squares else np.nan
