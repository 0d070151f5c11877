"""Annotation files of images: COCO and Pascal VOC."""
