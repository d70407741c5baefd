"""From raw transients to concentrations: two jobs a session, and one for the study."""


rule preprocess:
    """Combine coils, align, clean and average the transients into time bins."""
    input:
        files_of_scan,
    output:
        f"{DERIVED}preproc_svs.json",
    log:
        f"{OUT}/logs/preprocess/{{folder}}/{{prefix}}.log",
    benchmark:
        f"{OUT}/benchmarks/preprocess/{{folder}}/{{prefix}}.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        # Measured: 0.12 GB, 4.1 times the compressed scan, and 0.32 GB of Snakemake.
        mem_mb=lambda wildcards, input, attempt: (
            attempt * max(1000, round(600 + 5 * input.size_mb))
        ),
        runtime=30,
    params:
        svs=lambda wildcards: str(SCANS[wildcards.prefix].svs),
        files=lambda wildcards: options(roles_of_scan(wildcards), "water", "events"),
        event=config["preprocess"]["infusion_event"],
        bins=options(config["preprocess"], "bin_s", "bin_step_s", "bin_count"),
        eddy=config["preprocess"]["eddy_current"],
        out=subpath(output[0], parent=True),
        raw=lambda wildcards: fingerprint(raw_of_scan(SCANS[wildcards.prefix])),
        version=VERSION,
    shell:
        "glxflow preprocess {params.svs:q} {params.files}"
        " --infusion-event {params.event:q} {params.bins} --eddy-current {params.eddy}"
        " --out {params.out:q} --record-failure 2> {log:q}"


rule calibrate:
    """Choose one stiffness of the baseline for the whole study."""
    input:
        scans=f"{OUT}/group/scans.tsv",
        records=of_every_scan("desc-preproc_svs.json"),
        basis=f"{OUT}/basis/basis.nii.gz",
    output:
        f"{OUT}/group/calibration.json",
    log:
        f"{OUT}/logs/calibrate.log",
    benchmark:
        f"{OUT}/benchmarks/calibrate.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=60,
    params:
        low=config["fit"]["ppm_range"][0],
        high=config["fit"]["ppm_range"][1],
        results=subpath(input.scans, ancestor=2),
        version=VERSION,
    shell:
        "glxflow calibrate {params.results:q} --basis {input.basis:q}"
        " --ppm-range {params.low} {params.high} --out {output:q} 2> {log:q}"


rule fit:
    """Fit every time bin, quantify, judge the quality and draw the scan page."""
    input:
        record=f"{DERIVED}preproc_svs.json",
        basis=f"{OUT}/basis/basis.nii.gz",
        basis_on=f"{OUT}/basis/basis_on.nii.gz" if config["basis"]["file_on"] else [],
        calibration=f"{OUT}/group/calibration.json",
        t1w=t1w_of_scan,
    output:
        record=f"{DERIVED}fit_concentrations.json",
        page=f"{OUT}/{{folder}}/{{prefix}}_report.html",
    log:
        f"{OUT}/logs/fit/{{folder}}/{{prefix}}.log",
    benchmark:
        f"{OUT}/benchmarks/fit/{{folder}}/{{prefix}}.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        # Measured: 0.6 GB for 41 bins of 4096 points, 1.0 for 81; and 0.32 GB of Snakemake.
        mem_mb=growing(1500),
        runtime=30,
    params:
        basis_on=lambda wildcards, input: options(input, "basis_on"),
        low=config["fit"]["ppm_range"][0],
        high=config["fit"]["ppm_range"][1],
        qc=json.dumps(config["qc"]),
        t1w=lambda wildcards: options({"t1w": SCANS[wildcards.prefix].t1w}, "t1w"),
        raw=lambda wildcards: fingerprint(t1w_of_scan(wildcards)),
        out=subpath(output.record, parent=True),
        version=VERSION,
    shell:
        "glxflow fit {input.record:q} --basis {input.basis:q} {params.basis_on}"
        " --calibration {input.calibration:q} --ppm-range {params.low} {params.high}"
        " --qc {params.qc:q} {params.t1w} --out {params.out:q} --record-failure 2> {log:q}"
