from pathlib import PurePosixPath
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import read_concepts
from tests.concepts.sources.annotations.voc_files import annotation, save
from tests.needs import need_torchvision

datasets = need_torchvision().datasets

CLASSES = ("aeroplane", "person", "person+", "tvmonitor", "potted plant")


def test_class_folders_are_those_that_torchvision_finds(tmp_path):
    names = ["n02/b.JPG", "n02/a.png", "n01/deep/er/c.jpeg", "n01/d.bmp", "Z/e.tiff", "n10/f.webp"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    other = datasets.ImageFolder(str(tmp_path))
    concepts = read_concepts(tmp_path)
    assert concepts.id == tuple(other.classes)
    expected = {str(PurePosixPath(path).relative_to(tmp_path)): row for path, row in other.samples}
    found = dict(zip(concepts.sample_id, concepts.dense().argmax(axis=1).tolist(), strict=True))
    assert found == expected
    assert (concepts.dense().sum(axis=1) == 1).all()
    assert concepts.defined is None


@settings(max_examples=20)
@given(
    objects=st.lists(st.lists(st.sampled_from(CLASSES)), min_size=1, max_size=5).filter(any),
    difficult=st.integers(0, 1),
)
def test_objects_of_pascal_voc_are_those_that_torchvision_reads(
    tmp_path_factory, objects, difficult
):
    folder = tmp_path_factory.mktemp("voc")
    files = {
        f"2007_{row:06}.xml": annotation(f"2007_{row:06}.jpg", names, difficult)
        for row, names in enumerate(objects)
    }
    concepts = read_concepts(save(folder, files))
    for path, sample, row in zip(
        sorted(folder.iterdir()), concepts.sample_id, concepts.dense(), strict=True
    ):
        tree = ElementTree.parse(path).getroot()
        parsed = datasets.VOCDetection.parse_voc_xml(tree)["annotation"]
        assert sample == parsed["filename"]
        carried = {name for name, label in zip(concepts.name, row, strict=True) if label}
        assert carried == {each["name"] for each in parsed.get("object", [])}
