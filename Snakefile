# From MR spectra and clinical scores to the trial's answer: `snakemake --cores 8`.
configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/1_ingest.smk"
include: "workflow/rules/2_spectra.smk"
include: "workflow/rules/3_trial.smk"
include: "workflow/rules/4_report.smk"


rule all:
    """Make the study page and everything it rests on."""
    default_target: True
    input:
        f"{OUT}/group/report.html",
