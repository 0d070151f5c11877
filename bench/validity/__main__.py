"""Check the statistics on data whose truth is known: ``python -m bench.validity [STUDY]...``.

Every study is seeded, and its results do not depend on the number of threads. With ``--record``
they go to ``docs/pictures/validity``, from where docs/statistics.md and its pictures take them.
"""

import logging
import time

import click

from bench.validity import labels, page, studies
from bench.validity.record import FOLDER, Record
from bench.validity.study import Sizes

_LISTED = "\n\n".join(f"{name}: {of.asks}" for name, of in studies.STUDIES.items())


@click.command(help=f"Run some studies, or all of them.\n\n{_LISTED}")
@click.argument("names", metavar="[STUDY]...", type=click.Choice(list(studies.STUDIES)), nargs=-1)
@click.option(
    "--repeats", type=click.IntRange(1), help="Runs of each cell, each with its own seed."
)
@click.option("--units", type=click.IntRange(1), help="Units of each run.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Threads; all cores by default.")
@click.option("--record", is_flag=True, help="Write the numbers and tables of docs/, too.")
def main(
    names: tuple[str, ...], repeats: int | None, units: int | None, jobs: int | None, record: bool
) -> None:
    """Run studies, print their tables, and record them if asked to."""
    for name in names or studies.STUDIES:
        study = studies.STUDIES[name]
        sizes = Sizes(repeats or study.repeats, units or study.units, jobs)
        missing = labels.absent(study.data)
        for sentence in missing:
            click.echo(sentence, err=True)
        if record and missing:
            raise click.ClickException(f"Without these data, {name} would be recorded in part.")
        begun = time.process_time()
        made = Record(name, sizes.repeats, sizes.units, list(study.run(sizes)))
        spent = time.process_time() - begun
        click.echo(f"\n**{study.asks}** ({name}, {spent:.0f} s of processor time)\n")
        click.echo("\n".join(page.table_of(made)))
        if record:
            made.write(FOLDER / f"{name}.toml")
    if record:
        page.fill()


if __name__ == "__main__":
    logging.getLogger("invert").setLevel(logging.ERROR)  # made-up samples have no ids
    main()
