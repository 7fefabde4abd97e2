"""Scores of images: similarity, sharpness, distances between sets of them."""
