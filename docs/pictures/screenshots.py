"""Take the pictures of the report that the documentation shows: ``make screenshots``.

It runs the demo and opens its report in Chromium, which must be installed. Fonts differ between
machines, so the pictures are looked at, and no test compares them.
"""

import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from invert_core.demo import run_demo
from invert_core.results.run_directory import REPORT_FILE

FOLDER = Path(__file__).resolve().parent
_WEBP = {"quality": 72, "method": 6}


@dataclass(frozen=True)
class Shot:
    """A picture of a view.

    Attributes
    ----------
    name : str
        Of the file, without suffix.
    view : str
        The part of the address after ``#``.
    width, height : int
        Pixels of the window, of which the picture has twice as many.
    dark : bool
        Whether the system asks for dark colours.
    """

    name: str
    view: str
    width: int = 1200
    height: int = 760
    dark: bool = False


SHOTS = (
    Shot("report-units", "", height=900),
    Shot("report-compare", "compare/relu3%3A17,relu3%3A1", height=620),
    Shot("report-unit", "unit/relu3%3A1", height=900),
    Shot("report-dark", "unit/relu3%3A17", height=900, dark=True),
    Shot("report-phone", "unit/relu3%3A1", width=390, height=844),
)


def take(browser: Browser, page: Path, shot: Shot) -> bytes:
    """Return a picture of a view of a report, as PNG."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        device_scale_factor=2,
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
    )
    view = context.new_page()
    view.goto(f"{page.as_uri()}#{shot.view}")
    view.wait_for_function("() => document.documentElement.dataset.ready")
    picture = view.screenshot()
    context.close()
    return picture


def smaller(picture: bytes) -> bytes:
    """Return a picture with three quarters of the pixels a side, as WebP."""
    kept = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image = image.convert("RGB").resize(
            (image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS
        )
        image.save(kept, "WEBP", **_WEBP)
    return kept.getvalue()


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise click.ClickException("There is no Chromium. Install it with: apt install chromium")
    return found


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=FOLDER)
def main(output: Path) -> None:
    """Write all pictures to a folder."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = Path(folder, "invert-demo")
        run_demo(run)
        browser = playwright.chromium.launch(executable_path=_chromium())
        for shot in SHOTS:
            path = output / f"{shot.name}.webp"
            path.write_bytes(smaller(take(browser, run / REPORT_FILE, shot)))
            click.echo(f"{path} {path.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
