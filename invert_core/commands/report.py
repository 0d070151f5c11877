"""The command ``invert report``."""

import re
import webbrowser
from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import say


class Size(click.ParamType):
    """A number of bytes, such as 20MB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse a number and its unit; units are powers of 1,000."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([kMG]?)B?\s*", value, re.I)
        if match is None:
            self.fail(f"{value!r} is no size; write it as in 20MB or 500kB.", param, ctx)
        power = "kmg".find(match[2].lower()) + 1 if match[2] else 0
        return int(float(match[1]) * 1000**power)


@command(epilog="Example: invert report run -o report.html --open")
@click.argument("run", type=PATH)
@options.output_option("Page to write. [default: report.html in the run directory]", required=False)
@click.option("--title", help="Title of the page. [default: the name of the run directory]")
@options.some_layers_option
@options.units_option
@click.option(
    "--samples",
    metavar="ROOT|none",
    help="Where the samples are, to show them if the run kept no copies: the folder of images or "
    "texts, or the file; 'none' shows ids only. [default: what the run kept]",
)
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    default=24,
    show_default=True,
    metavar="N",
    help="The most samples of each list that are shown as pictures.",
)
@click.option(
    "--picture-size",
    type=click.IntRange(min=32, max=1024),
    default=64,
    show_default=True,
    metavar="PIXELS",
    help="The longest side of a picture. Other sizes than 64 read the samples again.",
)
@click.option(
    "--max-size",
    type=Size(),
    default="20MB",
    show_default=True,
    help="The most that the page may take. Charts of other formulas than label and peak, then "
    "pictures are left out to keep within it.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def report(run: Path, output: Path | None, opens: bool, **choices: Any) -> None:
    """Write a run as one page to look at in a browser.

    The page shows what the units detect, which labels can be trusted, and the evidence of each. It
    is one file that opens without a network and can be sent. An earlier report is replaced.
    """
    from invert_core.report.html_report import write_report

    page = write_report(run, output, **choices)
    say(f"The report is in {str(page)!r}.")
    if opens and not webbrowser.open(page.resolve().as_uri()):
        say("No browser could be opened: open the file yourself.")
