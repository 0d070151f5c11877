import signal

from hypothesis import settings

# The first example of a test may compile kernels, and machines differ: speed is for bench/.
settings.register_profile("invert", deadline=None)
# For `make check`; everything else tries the usual hundred.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("invert")

# A shell lets its background jobs, and all processes that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
