"""What a job asks of a cluster, and the profile that submits it."""

import os
import re
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PROFILE = PROJECT / "config" / "profiles" / "slurm"


@pytest.fixture
def asked(tmp_path, run_workflow):
    """Return a function that gives what jobs ask for, as (rule, {resource: amount})."""

    def planned(*options, bids=PROJECT / "test_data"):
        run = run_workflow(bids, tmp_path / "results", "--dry-run", *options)
        assert run.returncode == 0, run.stderr
        jobs = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)\n", run.stdout, re.M)
        return [(rule, dict(re.findall(r"(\w+)=(\d+)", resources))) for rule, resources in jobs]

    return planned


def test_every_job_says_how_much_memory_and_time_it_takes(asked):
    jobs = [(rule, amounts) for rule, amounts in asked() if rule != "all"]
    assert len(jobs) == 38  # 16 sessions of 2 jobs each, and 6 of the study
    assert {rule for rule, amounts in jobs if not {"mem_mb", "runtime"} <= set(amounts)} == set()


def test_another_attempt_asks_for_more_memory(asked):
    first, third = asked(), asked("--attempt", "3")
    assert [
        int(after["mem_mb"]) - 3 * int(before["mem_mb"])
        for (rule, before), (_, after) in zip(first, third, strict=True)
        if rule != "all"
    ] == [0] * 38


@pytest.mark.parametrize("size_mb", [150, 1000])
def test_preprocessing_has_room_for_a_large_scan_and_for_snakemake(copied, asked, size_mb):
    bids = copied("large")
    for scan in bids.glob("sub-*/ses-*/mrs/*_svs.nii.gz"):
        os.truncate(scan, size_mb * 1_000_000)  # takes no place on the disk
    asks = [int(amounts["mem_mb"]) for rule, amounts in asked(bids=bids) if rule == "preprocess"]
    assert len(asks) == 16
    # Measured: 120 MB, 4.1 times the scan, and two processes of Snakemake of 160 MB.
    assert min(asks) > 120 + 4.1 * size_mb + 2 * 160


def test_the_slurm_profile_is_read_on_a_machine_without_slurm(tmp_path, asked, monkeypatch):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    # What Snakemake itself needs, and no `sinfo` as a cluster has.
    for name in ("bash", "sh", "which"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    jobs = asked("--profile", str(PROFILE))
    assert {rule for rule, _ in jobs} >= {"preprocess", "fit", "trial", "report"}
