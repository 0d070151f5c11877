"""A report that is open in a browser, with all that the browser complained about."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

_PATIENCE = 10_000
"""Milliseconds."""

_TELL = """
    addEventListener('securitypolicyviolation', event =>
        console.error(`refused: ${event.violatedDirective} ${event.blockedURI}`));
    // The view that the next one replaces.
    addEventListener('hashchange', () =>
        document.querySelector('main').firstElementChild.setAttribute('data-stale', ''));
"""
_FOLLOW = """view => new Promise(done => {
    if (location.hash === view) return done();
    addEventListener('hashchange', done, { once: true });
    location.hash = view;
})"""
_SETTLE = f"""async () => {{
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const end = performance.now() + {_PATIENCE};
    do {{
        await frame();
        if (performance.now() > end) throw new Error(`${{location.hash}} is not shown`);
    }} while (document.querySelector('[data-stale]'));
    await frame();
}}"""


class Opened:
    """A page of a browser; `complaints` must stay empty.

    Parameters
    ----------
    tab : playwright.sync_api.Page
    path : Path
        The report.
    """

    def __init__(self, tab: Any, path: Path):
        self.tab = tab
        self.path = path
        self.complaints: list[str] = []
        self.requests: list[str] = []
        tab.on("console", self._read)
        tab.on("pageerror", lambda error: self._note("error", error))
        tab.on("dialog", lambda dialog: (self._note("dialog", dialog.message), dialog.dismiss()))
        tab.on("popup", lambda popup: self._note("popup", popup.url))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.set_default_timeout(_PATIENCE)
        tab.add_init_script(_TELL)

    def _read(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self._note(message.type, message.text)

    def _note(self, kind: str, what: object) -> None:
        self.complaints.append(f"{kind}: {what}")

    def go(self, view: str = "") -> "Opened":
        """Open the page at a view, such as ``#concepts``, as a link from elsewhere does."""
        self.tab.goto("about:blank")
        self.tab.goto(self.path.as_uri() + view)
        self.tab.wait_for_function("() => document.documentElement.dataset.ready")
        return self

    def follow(self, view: str) -> "Opened":
        """Change to another view within the page."""
        self.tour([view])
        return self

    def tour(self, views: Sequence[str], read: str = "() => null") -> list[Any]:
        """Change to one view after the other, and return what a script reads of each."""
        return self.tab.evaluate(
            f"""async views => {{
                const [follow, settle, read] = [{_FOLLOW}, {_SETTLE}, {read}];
                const found = [];
                for (const view of views) {{
                    await follow(view);
                    await settle();
                    found.push(read());
                }}
                return found;
            }}""",
            list(views),
        )

    def settle(self) -> None:
        """Wait until the view that the address names is shown."""
        self.tab.evaluate(_SETTLE)

    def press(self, *keys: str) -> None:
        """Press keys, each when what the one before asked for is shown."""
        for key in keys:
            self.tab.keyboard.press(key)
            self.settle()

    @property
    def view(self) -> str:
        """The part of the address behind ``#``, with it."""
        return self.tab.evaluate("() => location.hash")

    @property
    def main(self) -> Any:
        """The view that is shown."""
        return self.tab.locator("main")

    @property
    def heading(self) -> str:
        """The heading of the view."""
        return self.main.locator("h1").first.inner_text()

    def foreign_requests(self) -> list[str]:
        """Return what was loaded besides the page itself, and data that lie in it."""
        own = re.escape(self.path.as_uri())
        return [one for one in self.requests if not re.match(rf"about:|data:|blob:|{own}", one)]


def unit_view(layer: str, unit: int, *rest: str) -> str:
    """Return the link to a unit.

    >>> unit_view("relu3", 17, "negative")
    '#unit/relu3%3A17/negative'
    """
    return "/".join([f"#unit/{quote(f'{layer}:{unit}', safe='')}", *rest])
