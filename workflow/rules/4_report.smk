"""The study page."""


rule report:
    """Draw the study page from the tables of the group."""
    input:
        trial=f"{OUT}/group/trial.tsv",
        sessions=f"{OUT}/group/sessions.tsv",
        qc=f"{OUT}/group/qc.tsv",
        inference=f"{OUT}/group/inference/inference.json",
    output:
        f"{OUT}/group/report.html",
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        group=subpath(output[0], parent=True),
        version=VERSION,
    shell:
        "glxflow report {params.group:q} --out {output:q} 2> {log:q}"
