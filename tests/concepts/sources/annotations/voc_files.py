"""Annotation files in the published layout of Pascal VOC 2012."""

PART = """
		<part>
			<name>head</name>
			<bndbox>
				<xmin>191</xmin>
				<ymin>25</ymin>
				<xmax>323</xmax>
				<ymax>209</ymax>
			</bndbox>
		</part>"""


def annotation(file_name, objects=(), difficult=0):
    """The annotation of an image; the name of an object may end in + for one with a part."""
    return f"""<annotation>
	<folder>VOC2012</folder>
	<filename>{file_name}</filename>
	<source>
		<database>The VOC2007 Database</database>
		<annotation>PASCAL VOC2007</annotation>
		<image>flickr</image>
	</source>
	<size>
		<width>486</width>
		<height>500</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>{"".join(_object(name, difficult) for name in objects)}
</annotation>
"""


def save(folder, annotations):
    """Write files: from their names to contents, as text or bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in annotations.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def _object(name, difficult):
    return f"""
	<object>
		<name>{name.removesuffix("+")}</name>
		<pose>Unspecified</pose>
		<truncated>{difficult}</truncated>
		<occluded>{difficult}</occluded>
		<bndbox>
			<xmin>174</xmin>
			<ymin>101</ymin>
			<xmax>349</xmax>
			<ymax>351</ymax>
		</bndbox>{PART if name.endswith("+") else ""}
		<difficult>{difficult}</difficult>
	</object>"""
