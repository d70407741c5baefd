"""The study page."""


rule report:
    """Draw the study page from the tables of the group."""
    input:
        trial=f"{OUT}/group/trial.tsv",
        sessions=f"{OUT}/group/sessions.tsv",
        qc=f"{OUT}/group/qc.tsv",
        inference=f"{OUT}/group/inference/inference.json",
        # What the reporting checklist is filled from.
        headers=f"{OUT}/group/headers.tsv",
        prepared=of_every_scan("desc-preproc_svs.json"),
        fitted=of_every_scan("desc-fit_concentrations.json"),
        concentrations=f"{OUT}/group/concentrations.tsv",
        versions=f"{OUT}/dataset_description.json",
    output:
        page=f"{OUT}/group/report.html",
        checklist=f"{OUT}/group/mrsinmrs.tsv",
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=30,
    params:
        group=subpath(output.page, parent=True),
        version=VERSION,
    shell:
        "glxflow report {params.group:q} --out {output.page:q} 2> {log:q}"
