import os
import signal

import pytest
from hypothesis import settings

# The first example of a test may compile kernels, and machines differ: speed is for bench/.
settings.register_profile("invert", deadline=None)
# For `make check`; everything else tries the usual hundred.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("invert")

# A shell lets its background jobs, and all processes that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_caches(tmp_path_factory):
    """Keep null distributions out of the folder in which the user's own are kept."""
    before = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "LOCALAPPDATA")}
    os.environ |= dict.fromkeys(before, str(tmp_path_factory.mktemp("caches")))
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
