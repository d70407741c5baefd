"""What only a browser can show: the figures are drawn, without a network, and react."""

import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from glxflow.report.scan_page import ScanPage, render_scan
from glxflow.report.study_page import StudyPage, render_study
from glxflow.report.voxel import Voxel
from glxflow.spectrum import FitStatus

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a function that opens a page and returns the document it became."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    profile = tmp_path_factory.mktemp("profile")

    def document(address: str) -> subprocess.CompletedProcess[str]:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--window-size=1200,2000",
            f"--user-data-dir={profile}",
        ]
        return subprocess.run(
            [program, *flags, "--dump-dom", address],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    if "<html>" not in document("about:blank").stdout:
        pytest.skip("Chromium does not start here")
    return document


@pytest.fixture
def opened(browser, fitted_bin, estimates, provenance, tmp_path):
    """Return the document of a page with two bins after a click on the second and on Glu."""
    bins = (fitted_bin("baseline", -5.0), fitted_bin("after", 5.0))
    page = render_scan(ScanPage("sub-01", provenance, bins, estimates(2)))
    clicks = """<script>setTimeout(() => {
        document.querySelectorAll(".chooser button")[1].click();
        const section = document.querySelectorAll("section.bin")[1];
        [...section.querySelectorAll(".overlay button")]
            .find((button) => button.textContent === "Glu").click();
    }, 500)</script></body>"""
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", clicks), encoding="utf-8")
    return browser(path.as_uri())


def test_a_figure_fits_on_a_sheet_of_paper_and_is_whole_again_after_it(
    browser, fitted_bin, estimates, provenance, tmp_path
):
    page = render_scan(ScanPage("sub-01", provenance, (fitted_bin(),), estimates(1)))
    prints = """<script>setTimeout(() => {
        const plot = document.getElementById("spectrum-0"), heights = [plot.style.height];
        for (const event of ["beforeprint", "afterprint"]) {
            window.dispatchEvent(new Event(event));
            heights.push(plot.style.height);
        }
        document.title = heights.join(" ");
    }, 500)</script></body>"""
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", prints), encoding="utf-8")
    title = re.search(r"<title>([^<]*)<", browser(path.as_uri()).stdout).group(1)
    on_screen, on_paper, after = (int(height.removesuffix("px")) for height in title.split())
    # A letter has 979 px, and heading and caption want their part.
    assert on_paper == 740 < on_screen == after


@pytest.mark.parametrize(("width", "columns"), [(1280, 4), (700, 2), (320, 1)])
def test_the_flow_of_four_groups_fits_beside_and_below_each_other(
    browser, provenance, tmp_path, width, columns
):
    levels = {"condition": ("placebo", "naltrexone"), "infusion": ("saline", "ketamine")}
    fates = [("used", ""), ("excluded", "quality"), ("failed", "preprocess"), ("missing", "scan")]
    rows = [
        {"subject": f"sub-{one}{two}{place}", "session": "ses-1", "period": 1, "reason": "why",
         "condition": one, "infusion": two, "status": fate[0], "stage": fate[1]}
        for one in levels["condition"]
        for two in levels["infusion"]
        for place, fate in enumerate(fates)
    ]  # fmt: skip
    empty = pd.DataFrame(columns=["subject", "session", "condition", "infusion", "bin", "t_min",
                                  "glx_tnaa", "qc_pass"])  # fmt: skip
    study = StudyPage(
        "A trial", provenance, levels["condition"], pd.DataFrame(rows), empty, empty.head(0),
        pd.DataFrame(), within=(), infusions=levels["infusion"], arms=levels,
    )  # fmt: skip
    measures = f"""<script>
        const main = document.querySelector("main"), flow = document.querySelector(".flow");
        main.style.width = "{width}px";
        const parts = [flow, ...flow.querySelectorAll("*")].filter(
            (part) => !part.matches(".hidden"));
        const wide = parts.filter((part) => part.scrollWidth > part.clientWidth + 1
            && getComputedStyle(part).display !== "inline");
        const tops = [...flow.querySelectorAll(".arm")].map((arm) => arm.offsetTop);
        document.title = wide.length + " " + tops.filter((top) => top === tops[0]).length;
        </script></body>"""
    path = tmp_path / "page.html"
    path.write_text(render_study(study).replace("</body>", measures), encoding="utf-8")
    title = re.search(r"<title>([^<]*)<", browser(path.as_uri()).stdout).group(1)
    assert title == f"0 {columns}"


def test_numbers_of_many_digits_do_not_reach_the_title_of_their_axis(
    browser, provenance, tmp_path
):
    who = {"subject": "sub-01", "session": "ses-1", "condition": "placebo"}
    trial = pd.DataFrame([
        who | {"bin": place, "t_min": 5.0 * place, "glx_tnaa": 1.0 - 0.02 * place, "qc_pass": True}
        for place in (0, 1)
    ])  # fmt: skip
    sessions = pd.DataFrame([who | {"period": 1, "status": "used", "stage": "", "reason": ""}])
    study = StudyPage(
        "A trial", provenance, ("placebo", "naltrexone"), sessions, trial, trial.head(0),
        pd.DataFrame(),
    )  # fmt: skip
    measures = """<script>setTimeout(() => {
        const plot = document.getElementById("course");
        const edge = (part, side) => part.getBoundingClientRect()[side];
        const ticks = [...plot.querySelectorAll(".ytick text")];
        const title = edge(plot.querySelector(".ytitle"), "right");
        document.title = ticks.length + " "
            + (Math.min(...ticks.map((tick) => edge(tick, "left"))) - title);
    }, 500)</script></body>"""
    path = tmp_path / "page.html"
    path.write_text(render_study(study).replace("</body>", measures), encoding="utf-8")
    title = re.search(r"<title>([^<]*)<", browser(path.as_uri()).stdout).group(1)
    n_ticks, gap_px = map(float, title.split())
    assert n_ticks >= 4
    assert gap_px > 2


def test_the_slices_with_the_voxel_are_pictures_without_a_network(
    browser, fitted_bin, estimates, provenance, tmp_path
):
    grey = np.arange(192 * 150, dtype=np.uint8).reshape(192, 150)
    outline = np.array([[40.0, 50.0], [70.0, 55.0], [66.0, 80.0]])
    section = SimpleNamespace(
        view="axial", grey=grey, size_mm=(300.0, 384.0), outline_mm=outline, sides=tuple("LRAP")
    )
    voxel = Voxel((20.0, 20.0, 20.0), {}, "t1.nii.gz", (section,) * 3, "")
    page = render_scan(ScanPage("sub-01", provenance, (fitted_bin(),), estimates(1), voxel=voxel))
    reads = """<script>
        const picture = new Image();
        picture.onload = () => {
            const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
            const size = [picture.naturalWidth, picture.naturalHeight];
            [canvas.width, canvas.height] = size;
            pen.drawImage(picture, 0, 0);
            document.title = [...size, pen.getImageData(7, 100, 1, 1).data[0]];
        };
        picture.src = document.querySelector(".slices image").href.baseVal;
    </script></body>"""
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", reads), encoding="utf-8")
    shown = browser(path.as_uri())
    assert not [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    title = re.search(r"<title>([^<]*)<", shown.stdout).group(1)
    assert title == f"150,192,{grey[100, 7]}"


def test_the_data_of_a_failed_fit_are_drawn(browser, fitted_bin, estimates, provenance, tmp_path):
    bins = (fitted_bin("baseline", -5.0, FitStatus.FAILED), fitted_bin("after", 5.0))
    path = tmp_path / "page.html"
    path.write_text(render_scan(ScanPage("sub-01", provenance, bins, estimates(2))))
    opened = browser(path.as_uri())
    assert not [line for line in opened.stderr.splitlines() if "CONSOLE" in line]
    assert opened.stdout.count('class="plot js-plotly-plot"') == 1  # the other one is hidden


def test_a_page_draws_its_figures_and_reacts_to_its_buttons(opened):
    complaints = [line for line in opened.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints
    body = re.sub(r"<script.*?</script>", "", opened.stdout, flags=re.S)
    first, second = re.findall(r'<section class="bin"[^>]*>', body)
    assert "hidden" in first
    assert "hidden" not in second
    # Both spectra and the time course: the first was drawn before the click.
    assert len(re.findall(r'class="plot js-plotly-plot"', body)) == 3
    legend = re.findall(r'class="legendtext"[^>]*>([^<]*)<', body)
    assert legend.count("Glu") == 1
    buttons = set(re.findall(r'data-title="([^"]*)"', body))
    assert buttons <= {"Download plot", "Zoom", "Reset axes"}
