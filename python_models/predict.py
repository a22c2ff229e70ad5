"""Finds joints in a picture, a folder of pictures or a video: `python -m python_models.predict`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from python_models.decoding import REFINEMENTS
from python_models.exit_status import exit_status
from python_models.overlay import draw_joints
from python_models.prediction import files, video
from python_models.prediction.person_boxes import PersonBoxes, boxes_of
from python_models.prediction.picture_files import (
    check_overlays,
    image_ids,
    overlay_name,
    pictures_in,
    read_picture,
    write_picture,
)
from python_models.prediction.predictor import Predictor, open_predictor
from python_models.prediction.tracks import Tracks, scaled_one_euro
from python_models.whole_file import write_json


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="a run's best.pt")
    add("--input", type=Path, required=True, help="a picture, a folder of pictures, or a video")
    add("--output", type=Path, required=True, help="folder for the results")
    boxes = parser.add_mutually_exclusive_group()
    boxes.add_argument("--box", type=float, nargs=4, metavar=("X", "Y", "W", "H"), help="a person")
    boxes.add_argument("--boxes", type=Path, help="COCO annotations; ids are a video's frames")
    add("--refine", choices=REFINEMENTS, help="how maps are decoded; by default as in training")
    add("--flip-test", action="store_true")
    add("--device", default="auto", help="cpu, cuda or cuda:N; auto: a GPU where there is one")
    add("--smooth", action="store_true", help="a video's joints, by a One Euro filter")
    add("--min-cutoff", type=float, default=1.0, help="Hz: lower trembles less")
    add("--beta", type=float, default=20.0, help="Hz per box side a second: higher lags less")
    add("--speed-cutoff", type=float, default=1.0, help="Hz, of the speed")
    add("--fps", type=float, help="of a video that does not say it, or says it wrongly")
    return parser.parse_args(arguments)


def predict_pictures(
    paths: list[Path], predictor: Predictor, boxes: PersonBoxes, output: Path
) -> None:
    """Pictures that cannot be read, or that the file of boxes does not list, are named."""
    check_overlays(paths, output / "overlays")
    predictions = files.Predictions()
    ids = image_ids(paths)
    for path in paths:
        try:
            boxes.check_picture(path.name)
            # Annotations are of the picture as it is stored.
            image = read_picture(path, turned=boxes.by_id is None)
        except (OSError, ValueError) as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        persons = boxes.of_picture(path.name, (image.shape[1], image.shape[0]))
        persons, joints, maxima = predictor.of_persons(image, persons, path.name)
        predictions.add_image(boxes.ids.get(path.name, ids[path.name]), path.name, image)
        for (person, box), points, scores in zip(persons, joints, maxima, strict=True):
            predictions.add_person(path.name, person, points, scores, box)
        write_picture(output / "overlays" / overlay_name(path.name), draw_joints(image, joints))
    if not predictions.images:
        raise ValueError("no picture could be read")
    boxes.say_unused({boxes.ids.get(path.name) for path in paths})
    predictions.write(output)
    print(f"{len(predictions.results)} persons in {len(predictions.images)} pictures")


def predict_video(
    args: argparse.Namespace, predictor: Predictor, boxes: PersonBoxes, output: Path
) -> None:
    """The video with the joints drawn in, and how much they tremble."""
    if (output / "overlay.mp4").resolve() == args.input.resolve():
        raise ValueError(f"{args.input} would be written over: choose another --output")
    smoothing = scaled_one_euro(args.min_cutoff, args.beta, args.speed_cutoff)
    tracks = Tracks(smoothing if args.smooth else None)
    predictions = files.Predictions()
    with video.VideoFrames(args.input) as frames:
        rate = video.frame_rate(args.input, frames.frames_per_second, args.fps)
        with video.video_writer(output / "overlay.mp4", rate) as write:
            for frame, image in enumerate(frames):
                persons = boxes.of_frame(frame, (image.shape[1], image.shape[0]))
                persons, joints, maxima = predictor.of_persons(image, persons, f"frame {frame}")
                predictions.add_image(frame, frame, image)
                shown = []
                for (person, box), found, scores in zip(persons, joints, maxima, strict=True):
                    points = tracks.add(person, frame, frame / rate, found, box)
                    before = found if args.smooth else None
                    predictions.add_person(frame, person, points, scores, box, found=before)
                    shown.append(points)
                write(draw_joints(image, shown))
        if len(predictions.images) < frames.expected:
            read = f"{len(predictions.images)} of {frames.expected} frames"
            print(f"{args.input}: only {read} could be read", file=sys.stderr)
    boxes.say_unused(range(len(predictions.images)))
    predictions.write(output)
    jitters = {"found": tracks.jitter_before()}
    if args.smooth:
        jitters["smoothed"] = tracks.jitter_after()
    named = {name: files.jitter_json(jitter) for name, jitter in jitters.items()}
    write_json(output / "jitter.json", {"frames_per_second": rate, **named})
    files.save_jitter(output / "jitter.png", jitters)
    print(f"{len(predictions.images)} frames at {rate:g} a second\n{files.jitter_table(jitters)}")


def run(args: argparse.Namespace) -> None:
    """Predicts, and writes the folder."""
    if not args.input.exists():
        raise FileNotFoundError(f"input {args.input} does not exist")
    boxes = boxes_of(args.box, args.boxes)
    predictor = open_predictor(args.checkpoint, args.refine, args.flip_test, args.device)
    if args.input.suffix.lower() in video.SUFFIXES and args.input.is_file():
        predict_video(args, predictor, boxes, args.output)
    elif args.smooth:
        raise ValueError(f"--smooth is for videos, got {args.input}")
    else:
        paths = pictures_in(args.input) if args.input.is_dir() else [args.input]
        predict_pictures(paths, predictor, boxes, args.output)
    print(f"written to {args.output}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return exit_status(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
