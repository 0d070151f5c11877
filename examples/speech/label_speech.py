"""Label the state of a network that listens for speech, from nothing.

The script takes the file `silero_vad.onnx` and a folder of recorded clips. It cuts the clips into
frames, runs the network over them with its state carried from frame to frame, and labels the speech
output and every number of the state.
"""

import argparse
import sys
from pathlib import Path

from frames import RATE, SOUNDS, write_frames

from invert_core import Labels, Settings, extract, label_files
from invert_core.commands.label_cells import shown
from invert_core.commands.label_summary import summary
from invert_core.commands.progress import progress
from invert_core.commands.tables import print_rows
from invert_core.errors import InvertError
from invert_core.extraction import Feed
from invert_core.files.atomic import storage_errors
from invert_core.labelling.overview import Overview

LAYERS = ("output", "stateN:axis=2,pool=flatten")
"""The probability of speech, and the state: unit 17@0 is hidden number 17, and 17@1 cell 17."""
FEED = Feed({"sr": RATE}, batch_axes={"state": 1}, carry={"stateN": "state"})
CLIP = "id:(.*):.*"
"""The id of a frame is CLIP:NUMBER; the state begins anew with each clip."""
SETTINGS = Settings(max_fraction=0.99, objective="auc")
"""Most frames are speech, so formulas may hold for most frames."""
COLUMNS = ("unit", "label", "auc", "positive")


def extract_state(model: Path, arrays: Path, output: Path, overwrite: bool) -> None:
    """Run the network over all frames, one after another."""
    with progress("Listening") as report:
        extract(
            model,
            arrays,
            output,
            LAYERS,
            feed=FEED,
            groups=CLIP,
            overwrite=overwrite,
            progress=report,
        )


def label_state(activations: Path, table: Path, run: Path) -> Labels:
    """Label the output and every number of the state; clips are independent, frames are not."""
    with progress("Labelling") as report:
        return label_files(
            activations,
            table,
            run,
            groups=CLIP,
            settings=SETTINGS,
            overwrite=True,
            progress=report,
        )


def run(arguments: argparse.Namespace) -> None:
    """Go through all stages; activations of an earlier call are not computed again."""
    folder: Path = arguments.output
    arrays, table, activations = folder / "frames.npz", folder / "frames.csv", folder / "state.h5"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        n_clips = write_frames(arguments.sounds, arrays, table)
    print(f"The frames of {n_clips} clips are in {str(arrays)!r}.")
    extract_state(arguments.model, arrays, activations, arguments.overwrite)
    labels = label_state(activations, table, folder / "run")
    overview = Overview(0, SETTINGS)
    overview.add(labels)
    print(f"{summary(overview)} labelled. The output, and the best of the state:")
    best = labels.best()
    rows = [row for row in best if row.layer == "output"]
    rows += [row for row in best if row.layer != "output"][: arguments.top]
    print_rows([shown(row) for row in rows], COLUMNS, "table")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="silero_vad.onnx")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for all results")
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="folder of WAV files")
    parser.add_argument("--top", type=int, default=10, help="numbers of the state to print")
    parser.add_argument("--overwrite", action="store_true", help="give up earlier activations")
    arguments = parser.parse_args()
    if arguments.top < 0:
        parser.error("--top has to be 0 or more")
    try:
        run(arguments)
    except InvertError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
