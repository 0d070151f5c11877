"""Other packages that find formulas: one unit of ImageNet-val, in one process.

They answer other questions. pysubgroup finds conjunctions only; it gets merged samples and our
score. `compositional-explanations` maximises the IoU of a formula with the samples of the highest
activations, which depends on samples, not on atoms; it needs torch, so the extra `bench` does
without it.
"""

import importlib.util
import re

import numpy as np
import pytest

from bench import atoms
from bench.measuring import Way
from bench.searches import SEARCHES
from invert_core import ConceptSet, label, score
from invert_core.formula.formula import Formula

UNIT = 0
SETTINGS = SEARCHES["ImageNet-val, L=3, B=3"].settings
TOP = 0.005
"""Share of samples that are the highest, as in the papers on compositional explanations."""


@pytest.fixture
def values(data_of):
    return np.ascontiguousarray(data_of("imagenet_val").activations[:, UNIT : UNIT + 1])


@pytest.fixture
def numbered(data_of):
    """The concepts of ImageNet-val, their numbers for ids."""
    labels = data_of("imagenet_val").labels
    return ConceptSet.from_arrays(labels, [str(number) for number in range(labels.shape[1])])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages, which are others'
def test_packages(alternate, data_of, values, numbered, tmp_path):
    data = data_of("imagenet_val")
    ways = [
        Way("invert", lambda: label(values, data.concepts, settings=SETTINGS)),
        by_pysubgroup(values, data.labels, numbered),
    ]
    if importlib.util.find_spec("compositional_explanations"):
        ways.append(by_compositional_explanations(values[:, 0], data.labels, numbered, tmp_path))
    name = f"ImageNet-val, L=3, B=3: one unit, {len(data.concepts.id):,} concepts"
    alternate(name, ways, rounds=3)


def by_pysubgroup(values, labels, numbered):
    import pandas
    import pysubgroup as ps

    merged = atoms.merge(labels)
    columns = [f"{number}" for number in range(labels.shape[1])]
    frame = pandas.DataFrame(dict(zip(columns, merged.labels.T, strict=True)))
    literals = [ps.EqualitySelector(of, mark) for of in columns for mark in (True, False)]
    n = len(values)
    least, largest = SETTINGS.min_fraction * n, SETTINGS.max_fraction * n

    class Auc:
        """AUC of a subgroup, or -1 outside the fraction limits, as pysubgroup asks for it."""

        def __init__(self, sums):
            self.sums = sums

        def calculate_constant_statistics(self, data, target):
            """Nothing is constant but the sums."""

        def calculate_statistics(self, subgroup, target, data, statistics=None):
            cover, _ = ps.get_cover_array_and_size(subgroup, len(data), data)
            return merged.sizes[cover].sum(), self.sums[cover].sum()

        def evaluate(self, subgroup, target, data, statistics):
            size, rank_sum = statistics
            return atoms.auc_of(size, rank_sum, n) if least <= size <= largest else -1.0

    def search():
        objective = Auc(atoms.rank_sums(values, merged)[0])
        with ps.BitSetRepresentation(frame, literals):
            task = ps.SubgroupDiscoveryTask(
                frame,
                ps.NumericTarget(columns[0]),
                literals,
                result_set_size=SETTINGS.beam,
                depth=SETTINGS.length,
                qf=objective,
            )
            return max(ps.BeamSearch(SETTINGS.beam).execute(task).to_descriptions())

    def check(best):
        auc, conjunction = best
        literals = [
            f"{'' if of.attribute_value else '~'}{of.attribute_name}"
            for of in conjunction.selectors
        ]
        found = score(values, numbered, " & ".join(literals)).rows[0]
        np.testing.assert_allclose(auc, found.auc, rtol=0, atol=1e-12)

    return Way("pysubgroup, our AUC over merged samples", search, check, remark="conjunctions only")


def by_compositional_explanations(values, labels, numbered, cache):
    """Return its beam search; what it knows of the masks alone stays in the folder `cache`."""
    import torch
    from compositional_explanations import beam, metrics

    active = values > np.quantile(values, 1 - TOP)
    bitmap = torch.from_numpy(active)[:, None]
    masks = [torch.from_numpy(np.ascontiguousarray(of))[:, None] for of in labels.T]
    counts = labels.astype(np.float32)
    disjoint = torch.from_numpy(counts.T @ counts == 0)

    def search():
        return beam.compute_beam_explanations(
            bitmaps=bitmap,
            masks=masks,
            disjoint_info=disjoint,
            length=SETTINGS.length,
            beam_size=SETTINGS.beam,
            device=torch.device("cpu"),
            cache_dir=str(cache),
        )

    def check(found):
        text = re.sub(r"\bNOT ", "~", str(found)).replace(" AND ", " & ").replace(" OR ", " | ")
        extent = Formula.parse(text).evaluate(numbered)
        iou = (extent & active).sum() / (extent | active).sum()
        theirs = metrics.compute_iou_from_masks(formula=found, masks=masks, bitmaps=bitmap)
        np.testing.assert_allclose(theirs, iou, rtol=0, atol=1e-12)

    return Way(
        "compositional-explanations, beam search",
        search,
        check,
        remark=f"another question: IoU with the top {TOP:.1%} of the samples",
    )
