import contextlib
import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Reading
from invert_core.concepts.sources.annotations.coco import read_coco
from tests.concepts.sources.annotations.coco_files import (
    CATEGORIES,
    IMAGES,
    instances,
    objects,
    save,
)
from tests.needs import need

coco = need("pycocotools.coco")


@settings(max_examples=30)
@given(found=objects, min_area=st.none() | st.integers(1, 1_000))
def test_labels_are_those_that_pycocotools_finds(tmp_path_factory, found, min_area):
    path = save(tmp_path_factory.getbasetemp(), instances(found, IMAGES))
    with contextlib.redirect_stdout(io.StringIO()):
        other = coco.COCO(str(path))
    # pycocotools leaves out the lower end of a range of areas, and takes none for all.
    areas = [] if min_area is None else [np.nextafter(min_area, 0), np.inf]
    concepts = read_coco(path, Reading(min_area=min_area or 0.0))
    assert concepts.sample_id == tuple(each["file_name"] for each in IMAGES)
    assert concepts.name == tuple(each["name"] for each in other.loadCats(other.getCatIds()))
    for category in CATEGORIES:
        annotations = other.loadAnns(other.getAnnIds(catIds=category["id"], areaRng=areas))
        expected = np.isin(
            [each["id"] for each in IMAGES], [each["image_id"] for each in annotations]
        )
        assert concepts.extent(category["name"].replace(" ", "_")).tolist() == expected.tolist()
