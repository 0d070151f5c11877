"""Readers of annotation files of images: COCO and Pascal VOC."""
