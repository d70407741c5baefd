"""Which scans there are, and the basis set that their protocol needs."""


rule validate:
    """List every scan with its metadata, and the protocol that most of them share."""
    input:
        description=f"{BIDS}/dataset_description.json",
        files=readable(raw_of_every_scan()),
    output:
        scans=f"{OUT}/group/scans.tsv",
        headers=f"{OUT}/group/headers.tsv",
        protocol=f"{OUT}/group/protocol.json",
    log:
        f"{OUT}/logs/validate.log",
    benchmark:
        f"{OUT}/benchmarks/validate.tsv"
    conda:
        "../envs/glxflow.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=30,
    params:
        bids=subpath(input.description, parent=True),
        task=options({"task": TASK}, "task"),
        out=subpath(output.scans, parent=True),
        raw=lambda wildcards: fingerprint(raw_of_every_scan()),
        version=VERSION,
    shell:
        "glxflow validate {params.bids:q} {params.task} --out {params.out:q} 2> {log:q}"


if config["basis"]["file"]:

    rule basis:
        """Bring a given basis set to the form the fit reads; an edited study has a second."""
        input:
            lambda wildcards: BASIS_SETS[wildcards.basis],
        output:
            f"{OUT}/basis/{{basis}}.nii.gz",
        log:
            f"{OUT}/logs/{{basis}}.log",
        benchmark:
            f"{OUT}/benchmarks/{{basis}}.tsv"
        conda:
            "../envs/glxflow.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=30,
        params:
            raw=lambda wildcards: fingerprint([BASIS_SETS[wildcards.basis]]),
            version=VERSION,
        shell:
            "glxflow basis convert {input:q} {output:q} 2> {log:q}"

else:

    rule basis:
        """Simulate the basis set for the protocol that most scans share."""
        input:
            f"{OUT}/group/protocol.json",
        output:
            f"{OUT}/basis/basis.nii.gz",
        log:
            f"{OUT}/logs/basis.log",
        benchmark:
            f"{OUT}/benchmarks/basis.tsv"
        conda:
            "../envs/glxflow.yaml"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=60,
        params:
            sequence=config["basis"]["sequence"],
            version=VERSION,
        shell:
            "glxflow basis simulate --like {input:q} --sequence {params.sequence}"
            " --format nifti --out {output:q} 2> {log:q}"
