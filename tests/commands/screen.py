"""A stand-in for a terminal."""

import io


class Screen(io.TextIOWrapper):
    """What stands for a terminal."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding, "backslashreplace", write_through=True)

    def isatty(self):
        return True

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)
