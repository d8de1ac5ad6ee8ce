"""The numba.cuda backend: fastact's functions on GPU arrays.

Importing it needs nothing; the first call on an array of a GPU needs numba-cuda and a device.
"""
