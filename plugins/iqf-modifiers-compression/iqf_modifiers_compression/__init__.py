"""IQF modifiers that compress: JPEG, JPEG 2000, quantisation, lossless baselines."""
