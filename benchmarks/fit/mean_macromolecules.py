"""Make the default macromolecules: Gaussian lines fitted to the mean of several tables.

Run ``python benchmarks/fit/mean_macromolecules.py``: it prints the lines as they stand in
``glxflow/constants/macromolecules.yaml``, and by how much the tables scatter about their
mean around each line, which the prior of a line's share must cover.
"""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.optimize import least_squares

from glxflow.spectrum import RealArray

_F0_MHZ = 123.25
_PPM = np.arange(0.4, 4.6, 0.005)
_MIDDLE_PPM, _REACH_PPM = 2.45, 1.95
_NUMBERS = (9, 12, 14, 17, 19, 20, 23, 25, 27, 30, 32, 36, 38, 39, 40, 42)
_NAMES = [f"MM{number:02d}" for number in _NUMBERS]
_START_PPM = np.array(
    [0.92, 1.22, 1.42, 1.68, 1.9, 2.05, 2.26, 2.55, 2.7, 2.99, 3.21, 3.62, 3.75, 3.87, 4.03, 4.2]
)
_START_AREA = np.array([3, 2, 2.6, 2.6, 0.8, 3, 1.6, 0.5, 0.5, 1.3, 0.9, 0.8, 1.2, 0.9, 0.6, 0.5])
_START_WIDTH_PPM = 0.17
# How far a line may go from its start: it is to stay the line that its name says.
_SD_PPM, _SD_LOG_WIDTH, _SD_LOG_AREA = 0.015, 0.12, 0.4


def curve_of(table: dict[str, Any]) -> RealArray:
    """Return the spectrum of a table, of unit area."""
    share, half_hz = table["lorentzian"], table.get("doublet_hz", 0.0) / 2
    time_s = np.arange(8192) / 4000
    total = np.zeros(time_s.size, dtype=np.complex128)
    for ppm, area, fwhm_ppm in table["lines"]:
        width_hz = fwhm_ppm * _F0_MHZ
        gaussian_hz = width_hz * np.sqrt((1 - 0.5346 * share) ** 2 - 0.2166 * share**2)
        decay = np.exp(
            -np.pi * share * width_hz * time_s
            - (np.pi * gaussian_hz * time_s) ** 2 / (4 * np.log(2))
        )
        turn = np.exp(2j * np.pi * (ppm - 2.5) * _F0_MHZ * time_s)
        total += area * turn * decay * np.cos(2 * np.pi * half_hz * time_s)
    total[0] /= 2
    spectrum = np.fft.fftshift(np.fft.fft(total)).real
    ppm_axis = 2.5 + np.fft.fftshift(np.fft.fftfreq(time_s.size, 1 / 4000)) / _F0_MHZ
    curve = np.interp(_PPM, ppm_axis, spectrum)
    return curve / curve.sum()


def lines_of(parameters: RealArray) -> tuple[RealArray, RealArray, RealArray]:
    """Return position, width and area of every line."""
    ppm, log_width, log_area = parameters.reshape(3, -1)
    return ppm, np.exp(log_width), np.exp(log_area)


def sum_of(parameters: RealArray) -> RealArray:
    """Return the sum of Gaussian lines on the common axis."""
    ppm, width, area = lines_of(parameters)
    distance = (_PPM[:, np.newaxis] - ppm) / width
    return np.sum(area * np.exp(-4 * np.log(2) * distance**2) / width, axis=1)


def fitted(mean: RealArray) -> tuple[RealArray, RealArray, RealArray]:
    """Return the lines whose sum is nearest to a curve."""
    n_lines = len(_NAMES)
    start = np.concatenate(
        [_START_PPM, np.full(n_lines, np.log(_START_WIDTH_PPM)), np.log(_START_AREA)]
    )
    sd = np.repeat([_SD_PPM, _SD_LOG_WIDTH, _SD_LOG_AREA], n_lines)
    inside = np.abs(_PPM - _MIDDLE_PPM) < _REACH_PPM
    scale = sum_of(start).sum()

    def residual(parameters: RealArray) -> RealArray:
        misfit = (sum_of(parameters) / scale - mean)[inside] / mean.max()
        return np.concatenate([100 * misfit, (parameters - start) / sd])

    return lines_of(least_squares(residual, start).x)


def main() -> None:
    """Print the lines and the scatter of the tables."""
    text = Path(__file__).with_name("macromolecule_tables.yaml").read_text(encoding="utf-8")
    tables = yaml.safe_load(text)
    curves = np.array([curve_of(table) for table in tables])
    mean = curves.mean(axis=0)
    scatter = curves.std(axis=0, ddof=1) / mean
    ppm, width, area = fitted(mean)
    area *= 3 / area[0]
    for name, *line in zip(_NAMES, ppm, width, area, strict=True):
        spread = scatter[np.abs(_PPM - line[0]) < line[1] / 2].mean()
        print(
            f"{name}: {{ppm: {line[0]:.2f}, fwhm_ppm: {line[1]:.2f}, amplitude: {line[2]:.2g}}}"
            f"  # tables scatter by {100 * spread:.0f} %"
        )


if __name__ == "__main__":
    main()
