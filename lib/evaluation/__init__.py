"""How good a forecast is: metrics, baselines, tests, intervals. Arrays in, numbers out."""
