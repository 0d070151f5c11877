import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Every way runs in one thread: NumPy's linear algebra would take all cores."""
    with threadpool_limits(1):
        yield
