"""What the pictures are made of: shapes and words as SVG, in colours for light and dark pages."""

from collections.abc import Iterator, Sequence

LIGHT = {
    "panel": ("#ffffff", "#d0d7de"),
    "yours": ("#f6f8fa", "#8c959f"),
    "file": ("#ddf4ff", "#218bff"),
    "step": ("#fff8c5", "#bf8700"),
    "out": ("#dafbe1", "#2da44e"),
    "bar": ("#afb8c1", "none"),
    "best": ("#2da44e", "none"),
    "good": ("#0969da", "#0969da"),
    "poor": ("#bc4c00", "#bc4c00"),
    "other": ("#6e7781", "#6e7781"),
    "third": ("#1a7f37", "#1a7f37"),
    "text": ("#1f2328", "none"),
    "soft": ("#59636e", "none"),
    "line": ("none", "#59636e"),
    "grid": ("none", "#e4e8ec"),
}
DARK = {
    "panel": ("#0d1117", "#3d444d"),
    "yours": ("#1c2128", "#768390"),
    "file": ("#0c2d6b", "#388bfd"),
    "step": ("#3d2e00", "#d29922"),
    "out": ("#0f3d20", "#3fb950"),
    "bar": ("#57606a", "none"),
    "best": ("#3fb950", "none"),
    "good": ("#58a6ff", "#58a6ff"),
    "poor": ("#f0883e", "#f0883e"),
    "other": ("#9198a1", "#9198a1"),
    "third": ("#56d364", "#56d364"),
    "text": ("#e6edf3", "none"),
    "soft": ("#9198a1", "none"),
    "line": ("none", "#9198a1"),
    "grid": ("none", "#262c34"),
}
"""Fill and stroke of each kind of shape; `LIGHT` is for light pages, `DARK` for dark ones."""

SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def rectangle(
    left: float, top: float, width: float, height: float, kind: str, *, round_by: int
) -> str:
    """Draw a rectangle in the colours of a kind."""
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" '
        f'rx="{round_by}"/>'
    )


def words(x: float, y: float, text: str, kinds: str) -> str:
    """Write a line of text; `kinds` are classes of the style sheet."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text class="{kinds}" x="{x}" y="{y}" xml:space="preserve">{safe}</text>'


def document(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    """Return a whole picture on a panel."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{title}</title>",
        "<style>",
        f"text {{ font: 14px {SANS}; }}",
        ".name { font-weight: 600; }",
        ".small { font-size: 12px; }",
        f".room {{ font: 12px {MONO}; }}",
        ".middle { text-anchor: middle; }",
        ".end { text-anchor: end; }",
        ".line { stroke-width: 1.5; }",
        *_colours(LIGHT),
        "path.stroke { fill: none; stroke-width: 2; }",
        "path.band { stroke-width: 5; stroke-opacity: 0.25; stroke-linecap: round; }",
        "path.dashed { stroke-dasharray: 5 4; }",
        "@media (prefers-color-scheme: dark) {",
        *_colours(DARK),
        "}",
        "</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" '
        'orient="auto"><path class="line" d="M1 1L6.5 4L1 7"/></marker>',
        rectangle(0.5, 0.5, width - 1, height - 1, "panel", round_by=10),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _colours(of_kinds: dict[str, tuple[str, str]]) -> Iterator[str]:
    for kind, (fill, stroke) in of_kinds.items():
        yield f".{kind} {{ fill: {fill}; stroke: {stroke}; }}"
