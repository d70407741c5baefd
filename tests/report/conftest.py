"""Fixtures of the page tests: fits with closed-form curves, and a reader of pages."""

import base64
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glxflow.qc.limits import DEFAULT_LIMITS
from glxflow.qc.rules import judge
from glxflow.report.page import Provenance
from glxflow.report.scan_verdict import FittedBin
from glxflow.spectrum import FitResult, FitStatus, Flag, Kind

NAMES = ("NAA", "Glu", "Gln", "Lac", "MM09", "MM12")
PLACES_PPM = (2.01, 2.35, 2.45, 1.31, 0.91, 1.21)
AMPLITUDES = (10.0, 8.0, 2.0, 0.0, 3.0, 1.0)


@pytest.fixture
def fit() -> Callable[..., FitResult]:
    """Return a maker of fits: Lorentzian lines on a slope, noise from a fixed seed."""

    def make(status: FitStatus = FitStatus.CONVERGED, flags: tuple[Flag, ...] = ()) -> FitResult:
        ppm = np.linspace(0.2, 4.2, 801)
        lines = 1.0 / (1.0 + ((ppm - np.array(PLACES_PPM)[:, None]) / 0.03) ** 2)
        components = np.array(AMPLITUDES)[:, None] * lines
        baseline = 0.5 + 0.2 * ppm
        noise = np.random.default_rng(7).normal(scale=0.1, size=ppm.size)
        n = len(NAMES)
        return FitResult(
            names=NAMES,
            kinds=(Kind.METABOLITE,) * 4 + (Kind.MACROMOLECULE,) * 2,
            amplitudes=np.array(AMPLITUDES),
            covariance=np.eye(n) * 0.01,
            noise_covariance=np.eye(n) * 0.0064,
            shift_ppm=np.zeros(n),
            linewidth_hz=np.full(n, 4.0),
            phase_rad=0.1,
            delay_s=0.0,
            offset_ppm=0.01,
            ppm=ppm,
            trusted_ppm=(0.2, 4.2),
            data=baseline + components.sum(axis=0) + noise,
            baseline=baseline,
            components=components,
            noise_sd=0.1,
            snr=100.0,
            fwhm_hz=6.1,
            reduced_chi2=1.0,
            baseline_ed=1.5,
            status=status,
            flags=flags,
        )

    return make


@pytest.fixture
def fitted_bin(fit: Callable[..., FitResult]) -> Callable[..., FittedBin]:
    """Return a maker of judged spectra; keywords change figures of merit."""

    def make(
        label: str = "whole scan",
        centre_min: float = float("nan"),
        status: FitStatus = FitStatus.CONVERGED,
        flags: tuple[Flag, ...] = (),
        **figures: float,
    ) -> FittedBin:
        result = fit(status, flags)
        good = {"snr": 100.0, "fwhm_ppm": 0.05, "glx_tnaa_sd": 0.03, "reduced_chi2": 1.0}
        verdict = judge(good | figures, DEFAULT_LIMITS, status=status, flags=flags)
        return FittedBin(label, centre_min, result, verdict)

    return make


@pytest.fixture
def estimates() -> Callable[..., pd.DataFrame]:
    """Return a maker of estimates of some bins, without water scaling."""

    def make(n_bins: int = 1) -> pd.DataFrame:
        rows = [
            {
                "bin": index,
                "metabolite": name,
                "amplitude": amplitude,
                "sd": 0.1,
                "crlb": 0.08,
                "ratio_tcr": amplitude / 8 + 0.01 * index,
                "ratio_tcr_sd": 0.02,
                "ratio_tnaa": amplitude / 10 + 0.01 * index,
                "ratio_tnaa_sd": 0.0123,
                "limit95": 0.196 if amplitude == 0 else float("nan"),
                "flags": "",
            }
            for index in range(n_bins)
            for name, amplitude in (("Ala", 0.7), ("tNAA", 10.0), ("Glx", 10.5), ("Lac", 0.0))
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def provenance() -> Provenance:
    """Return provenance with one input."""
    return Provenance(
        "1.2.3", {"sub-01_svs.nii.gz": "ab" * 32}, {"ppm_range": [0.2, 4.2], "bin_step_s": None}
    )


class ReadPage(HTMLParser):
    """A page as read by a strict parser: balanced tags, text, figures, what it would load."""

    void = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.figures: dict[str, Any] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        where = self.open[-1] if self.open else ""
        if where == "script":
            name = self.elements[-1][1].get("data-plot")
            if name is not None:
                self.figures[name] = json.loads(data)
            else:
                self.scripts.append(data)
        elif where != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        """Everything a reader sees, with single spaces."""
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def read_page() -> Callable[[str], ReadPage]:
    """Return the reader of pages."""
    return ReadPage


@pytest.fixture
def unpacked() -> Callable[[dict[str, str]], np.ndarray]:
    """Return a decoder of plotly's typed arrays that owes nothing to the encoder."""

    def decode(packed: dict[str, str]) -> np.ndarray:
        assert packed["dtype"] == "f4"
        return np.frombuffer(base64.b64decode(packed["bdata"]), dtype="<f4").astype(float)

    return decode
