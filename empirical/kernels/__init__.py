"""Runs without a network: the training set interpolated with the least norm in a kernel's Hilbert space.

config          how a kernel run interpolates
features        maps of images before the kernel: pixels, Gabor wavelets, random convolutions
interpolation   a kernel run, from features to metrics
"""
