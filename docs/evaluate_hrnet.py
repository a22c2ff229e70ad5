"""The evaluation of HRNet and SimpleBaseline, as their users write it.

One import took the place of those from HRNet's own folders (core.evaluate, core.inference,
core.loss, utils.transforms and nms.nms); below it nothing is of lowerpose_ops. The tests run this
file with either import, and compare.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from pycocotools.cocoeval import COCOeval

from lowerpose_ops.compat.hrnet import JointsMSELoss, accuracy, flip_back, get_final_preds, oks_nms


def validate(config, val_loader, val_dataset, model):
    """The mean loss, the mean accuracy and the statistics of COCO."""
    criterion = JointsMSELoss(use_target_weight=config.LOSS.USE_TARGET_WEIGHT)
    num_samples, num_joints = len(val_dataset), config.MODEL.NUM_JOINTS
    all_preds = np.zeros((num_samples, num_joints, 3), dtype=np.float32)
    all_boxes = np.zeros((num_samples, 6))
    image_ids = []
    losses, correct, counted = [], 0.0, 0
    model.eval()
    with torch.no_grad():
        for images, target, target_weight, meta in val_loader:
            outputs = model(images)
            output = outputs[-1] if isinstance(outputs, list) else outputs

            if config.TEST.FLIP_TEST:
                outputs_flipped = model(torch.flip(images, (3,)))
                if isinstance(outputs_flipped, list):
                    outputs_flipped = outputs_flipped[-1]
                flipped = flip_back(outputs_flipped.cpu().numpy(), val_dataset.flip_pairs)
                flipped = torch.from_numpy(flipped.copy()).to(output.device)
                if config.TEST.SHIFT_HEATMAP:
                    flipped[:, :, :, 1:] = flipped.clone()[:, :, :, 0:-1]
                output = (output + flipped) * 0.5

            losses.append(criterion(output, target, target_weight).item())
            _, avg_acc, cnt, _ = accuracy(output.cpu().numpy(), target.cpu().numpy())
            correct, counted = correct + avg_acc * cnt, counted + cnt

            center, scale = meta["center"].numpy(), meta["scale"].numpy()
            preds, maxvals = get_final_preds(config, output.clone().cpu().numpy(), center, scale)
            rows = slice(len(image_ids), len(image_ids) + len(preds))
            all_preds[rows, :, 0:2] = preds[:, :, 0:2]
            all_preds[rows, :, 2:3] = maxvals
            all_boxes[rows, 0:2] = center
            all_boxes[rows, 2:4] = scale
            all_boxes[rows, 4] = np.prod(scale * 200, 1)
            all_boxes[rows, 5] = meta["score"].numpy()
            image_ids.extend(meta["image_id"].tolist())
    stats = evaluate(config, val_dataset, all_preds, all_boxes, image_ids)
    return np.mean(losses), correct / max(counted, 1), stats


def evaluate(config, val_dataset, all_preds, all_boxes, image_ids):
    """Scores persons by their joints, drops those found twice, and asks COCO's evaluation."""
    persons = defaultdict(list)
    for keypoints, box, image_id in zip(all_preds, all_boxes, image_ids, strict=True):
        person = {"keypoints": keypoints, "area": box[4], "score": box[5], "image": image_id}
        persons[image_id].append(person)
    results = []
    for image_id, found in persons.items():
        for person in found:
            sure = person["keypoints"][:, 2]
            sure = sure[sure > config.TEST.IN_VIS_THRE]
            person["score"] *= sure.mean() if len(sure) else 0.0
        kept = oks_nms(found, config.TEST.OKS_THRE)
        for person in [found[i] for i in kept]:
            results.append(
                {
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": person["keypoints"].flatten().tolist(),
                    "score": float(person["score"]),
                }
            )
    coco = val_dataset.coco
    coco_eval = COCOeval(coco, coco.loadRes(results), "keypoints")
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    return coco_eval.stats
