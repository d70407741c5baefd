"""From the concentrations of every session and the clinical scores to the inference."""


rule collect:
    """Merge concentrations with the design and the clinical scores; list what is missing."""
    input:
        description=f"{BIDS}/dataset_description.json",
        scans=f"{OUT}/group/scans.tsv",
        tables=study_tables(Path(BIDS)),
        records=of_every_scan("desc-fit_concentrations.json"),
        plan=config["plan"],
    output:
        concentrations=f"{OUT}/group/concentrations.tsv",
        qc=f"{OUT}/group/qc.tsv",
        trial=f"{OUT}/group/trial.tsv",
        clinical=f"{OUT}/group/clinical.tsv",
        sessions=f"{OUT}/group/sessions.tsv",
        description=f"{OUT}/dataset_description.json",
        # It stays until the new one is written: a run may have it as its configuration.
        config=update(f"{OUT}/config.json"),
    log:
        f"{OUT}/logs/collect.log",
    benchmark:
        f"{OUT}/benchmarks/collect.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        bids=subpath(input.description, parent=True),
        results=subpath(output.trial, ancestor=2),
        config=json.dumps(config),
        raw=lambda wildcards: fingerprint([*study_tables(Path(BIDS)), config["plan"]]),
        version=VERSION,
    shell:
        "glxflow collect {params.bids:q} {params.results:q} --plan {input.plan:q}"
        " --config {params.config:q} 2> {log:q}"


rule trial:
    """Run the analysis plan."""
    input:
        trial=f"{OUT}/group/trial.tsv",
        clinical=f"{OUT}/group/clinical.tsv",
        imaging=imaging_table(),
        plan=config["plan"],
    output:
        primary=f"{OUT}/group/inference/primary.tsv",
        # It stays until the new one is written: it lists what an earlier plan has left.
        record=update(f"{OUT}/group/inference/inference.json"),
    log:
        f"{OUT}/logs/trial.log",
    benchmark:
        f"{OUT}/benchmarks/trial.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        out=subpath(output.primary, parent=True),
        raw=lambda wildcards: fingerprint([*imaging_table(), config["plan"]]),
        version=VERSION,
    shell:
        "glxflow trial run --table {input.trial:q} --clinical {input.clinical:q}"
        " --plan {input.plan:q} --out {params.out:q} --cores {threads} 2> {log:q}"
