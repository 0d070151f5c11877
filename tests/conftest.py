from hypothesis import settings

# The first example of a test may compile kernels, and machines differ: speed is for bench/.
settings.register_profile("invert", deadline=None)
settings.load_profile("invert")
