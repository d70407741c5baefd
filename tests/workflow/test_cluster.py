"""What a job asks of a cluster, and the profile that submits it."""

import os
import re
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PROFILE = PROJECT / "config" / "profiles" / "slurm"
SLURM = {
    "sinfo": "echo 'work*'",
    "scontrol": "echo 'MinJobAge = 300 sec'",
    # Asked for the state of jobs it ends Snakemake, which would wait for ever.
    "sacct": 'case "$*" in *--name*) kill -9 $PPID ;; esac; exit 1',
    "sbatch": """echo "$*" >> "$SLURM_STUB/asked"
id=$(wc -l < "$SLURM_STUB/asked")
for option; do job=${option#--wrap=}; done
case "$*" in
    *" --mem 1000 "*) state=OUT_OF_MEMORY ;;
    *) sh -c "$job" > "$SLURM_STUB/$id.log" 2>&1 && state=COMPLETED || state=FAILED ;;
esac
echo "$id|$state" >> "$SLURM_STUB/states"
echo $id""",
    "squeue": 'cat "$SLURM_STUB/states"',
    "srun": 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"',
}
"""A cluster without accounts, where a job runs as it is submitted and 1000 MB are not enough."""


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


@pytest.mark.slow
def test_a_job_that_ran_out_of_memory_is_tried_again_where_slurm_keeps_no_accounts(
    tmp_path, run_workflow, monkeypatch
):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    stub = tmp_path / "slurm"
    stub.mkdir()
    for name, script in SLURM.items():
        (stub / name).write_text(f"#!/bin/sh\n{script}\n")
        (stub / name).chmod(0o755)
    monkeypatch.setenv("SLURM_STUB", str(stub))
    monkeypatch.setenv("PATH", f"{stub}{os.pathsep}{os.environ['PATH']}")
    run = run_workflow(
        PROJECT / "test_data",
        tmp_path / "results",
        *("--profile", str(PROFILE), "--slurm-init-seconds-before-status-checks", "1"),
        *("--until", "validate"),
    )
    assert run.returncode == 0, run.stderr
    asked = (stub / "asked").read_text()
    assert re.findall(r"--mem (\d+) ", asked) == ["1000", "2000"]
    assert (tmp_path / "results" / "group" / "scans.tsv").exists()
