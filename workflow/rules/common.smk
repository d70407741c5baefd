"""The checked configuration and the scans of the data set, for all stages."""

import json
import re
import shlex
from pathlib import Path

from glxflow import __version__ as VERSION
from glxflow.io.bids import find_scans, study_tables
from glxflow.io.config import named_by, read_yaml, settle_config
from glxflow.io.files import fingerprint
from glxflow.io.readable import readable
from glxflow.io.sidecars import with_sidecars
from glxflow.qc.limits import limits_from
from glxflow.trial.assemble import plan_of_spectra, refuse_sliding

config = settle_config(config)
# Whatever is wrong with the limits of quality or the plan is said before anything is fitted.
limits_from(config["qc"])
PLAN = plan_of_spectra(read_yaml(Path(config["plan"])), config["plan"])
refuse_sliding(
    PLAN,
    config["plan"],
    config["preprocess"]["bin_s"],
    config["preprocess"]["bin_step_s"],
)
# As paths of scans are written: one file must not have two names.
BIDS = str(Path(config["bids_dir"]))
OUT = str(Path(config["output_dir"]))
# Snakemake reads `task=1` as a number.
TASK = None if config["task"] is None else str(config["task"])
SCANS = {scan.prefix: scan for scan in find_scans(Path(BIDS), TASK)}
# The given basis sets, by the name under which the fit finds them.
BASIS_SETS = {"basis": config["basis"]["file"], "basis_on": config["basis"]["file_on"]}
# Where the derivatives of a scan go. A record (.json) is written whether the step
# succeeded or met a broken input, so that the study goes on and lists the session.
DERIVED = f"{OUT}/{{folder}}/{{prefix}}_desc-"


wildcard_constraints:
    folder="|".join(re.escape(scan.folder) for scan in SCANS.values()),
    prefix="|".join(re.escape(prefix) for prefix in SCANS),
    basis="|".join(BASIS_SETS),


def of_every_scan(ending):
    """Return one derived file of every scan."""
    return [f"{OUT}/{scan.folder}/{scan.prefix}_{ending}" for scan in SCANS.values()]


def files_of_scan(wildcards):
    """Return the raw files of a scan that can be read; of others, the step says so."""
    return readable(raw_of_scan(SCANS[wildcards.prefix]))


def roles_of_scan(wildcards):
    """Return water reference and events of a scan by role; they may be absent."""
    scan = SCANS[wildcards.prefix]
    return {"water": scan.mrsref, "events": scan.events}


def raw_of_scan(scan):
    """Return all raw files of a scan, with the sidecars that it inherits."""
    events = [scan.events] if scan.events else []
    return [*with_sidecars(scan.svs, scan.mrsref), *events]


def t1w_of_scan(wildcards):
    """Return the T1-weighted image of a scan; one that cannot be read stops no study."""
    image = SCANS[wildcards.prefix].t1w
    return readable([image] if image else [])


def raw_of_every_scan():
    """Return all raw files that decide what is listed of a scan."""
    return [path for scan in SCANS.values() for path in raw_of_scan(scan)]


def imaging_table():
    """Return the table of receptor imaging, where the plan names one."""
    return [named_by(Path(config["plan"]), PLAN.imaging.table)] if PLAN.imaging else []


def growing(mem_mb):
    """Return a memory that grows with every attempt, since a cluster ends a job that exceeds it."""
    return lambda wildcards, attempt: attempt * mem_mb


def options(values, *names):
    """Return the command-line options, by name, of the values that are there."""
    given = {name: values.get(name) for name in names}
    return " ".join(
        f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in given.items()
        if value
    )
