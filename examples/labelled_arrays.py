"""Leaky ReLU on arrays that carry more than numbers: xarray's labels, pandas' index, NumPy's masks.

Each library hands the ufunc its numbers and puts the result back under its own labels. The program compares with
np.where on the plain numbers and exits with 1 if a bit differs.

Needs xarray and pandas: pip install fastlrelu xarray pandas
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import xarray as xr

import fastlrelu as fl

SLOPE = np.float32(0.1)


def main() -> int:
    signal = np.random.default_rng(0).standard_normal((5, 3), np.float32)
    days = pd.date_range("2026-01-01", periods=5, name="day")
    channels = ["red", "green", "blue"]
    wanted = np.where(signal > 0, signal, SLOPE * signal)

    labelled = xr.DataArray(signal, {"day": days, "channel": channels}, name="signal")
    slopes = xr.DataArray(np.array([0.1, 0.2, 0.3], np.float32), {"channel": channels})
    print(fl.leaky_relu(labelled, slopes).sel(channel="green"), "\n")

    frame = pd.DataFrame(signal, index=days, columns=channels)
    print(fl.leaky_relu(frame, SLOPE), "\n")

    masked = np.ma.masked_greater(signal, 1)
    print(fl.leaky_relu(masked, SLOPE), "\n")

    equal = (
        fl.leaky_relu(labelled, SLOPE).values.tobytes() == wanted.tobytes()
        and fl.leaky_relu(frame, SLOPE).to_numpy().tobytes() == wanted.tobytes()
        and fl.leaky_relu(masked, SLOPE).compressed().tobytes() == wanted[signal <= 1].tobytes()
    )
    print(f"numbers: {'equal bit for bit' if equal else 'DIFFERENT'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
