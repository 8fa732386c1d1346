"""Files of a run and the cache of trainings."""
