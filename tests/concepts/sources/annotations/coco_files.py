"""Annotation files in the published layout of COCO 2017."""

import itertools
import json

from hypothesis import strategies as st

CATEGORIES = [
    {"supercategory": "person", "id": 1, "name": "person"},
    {"supercategory": "outdoor", "id": 10, "name": "traffic light"},
    {"supercategory": "animal", "id": 17, "name": "cat"},
    {"supercategory": "animal", "id": 18, "name": "dog"},
    {"supercategory": "indoor", "id": 90, "name": "toothbrush"},
]
INFO = {
    "description": "COCO 2017 Dataset",
    "url": "http://cocodataset.org",
    "version": "1.0",
    "year": 2017,
    "contributor": "COCO Consortium",
    "date_created": "2017/09/01",
}
LICENSES = [{"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4, "name": "Attribution"}]


def image(id, file_name=None):
    return {
        "license": 4,
        "file_name": f"{id:012d}.jpg" if file_name is None else file_name,
        "coco_url": f"http://images.cocodataset.org/val2017/{id:012d}.jpg",
        "height": 427,
        "width": 640,
        "date_captured": "2013-11-14 17:02:52",
        "flickr_url": "http://farm7.staticflickr.com/6116/6255196340_da26cf2c9e_z.jpg",
        "id": id,
    }


IMAGES = [image(id) for id in (4, 2, 5, 1, 3)]
objects = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from([each["id"] for each in CATEGORIES]),
        st.integers(0, 1_000) | st.floats(0, 1_000),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=12,
)
"""Objects in these images: image id, category id, area, iscrowd."""


def instances(found, images=(), categories=CATEGORIES):
    """A file of instances: `found` are (image id, category id) or (..., area, iscrowd)."""
    annotations = []
    for number, (image_id, category_id, *more) in enumerate(found):
        area, iscrowd = more or (702.1, 0)
        polygon = [[510.66, 423.01, 511.72, 420.03, 510.45, 416.0]]
        crowd = {"counts": [272, 2, 4, 4], "size": [427, 640]}
        annotations.append(
            {
                "segmentation": crowd if iscrowd else polygon,
                "area": area,
                "iscrowd": iscrowd,
                "image_id": image_id,
                "bbox": [473.07, 395.93, 38.65, 28.67],
                "category_id": category_id,
                "id": 900_100_000_000 + number,
            }
        )
    return _document(annotations, found, images, categories)


def panoptic(found, images=(), categories=CATEGORIES):
    """A panoptic file of what is in `instances`, whose images stand together."""
    annotations = []
    for image_id, of_image in itertools.groupby(found, key=lambda each: each[0]):
        segments = []
        for number, (_, category_id, *more) in enumerate(of_image):
            area, iscrowd = more or (702, 0)
            segments.append(
                {
                    "id": 3_226_956 + number,
                    "category_id": category_id,
                    "iscrowd": iscrowd,
                    "bbox": [413, 158, 53, 138],
                    "area": area,
                }
            )
        annotations.append(
            {
                "segments_info": segments,
                "file_name": f"{image_id:012d}.png",
                "image_id": image_id,
            }
        )
    things = [{**each, "isthing": 1} for each in categories]
    return _document(annotations, found, images, things)


def save(folder, document, name="instances_val2017.json", **options):
    path = folder / name
    path.write_text(json.dumps(document, **options), encoding="utf-8")
    return path


def _document(annotations, found, images, categories):
    return {
        "info": INFO,
        "licenses": LICENSES,
        "images": list(images) or [image(id) for id in dict.fromkeys(each[0] for each in found)],
        "annotations": annotations,
        "categories": list(categories),
    }
