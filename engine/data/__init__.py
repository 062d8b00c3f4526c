"""Datasets, split, device-resident pictures, augmentation: everything between a folder of pictures and a batch.

Call `engine.data.loading.load`, `split.split`, `resident.Resident`, `augment.augment`. Imports nothing by itself: only
`augment`, `resident` and `published` need torch. Knows nothing of training, the store or jobs.
"""
