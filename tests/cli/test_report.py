import json


def test_a_masked_analysis_gets_no_page_that_would_unmask_it(glxflow, tmp_path):
    group = tmp_path / "group"
    (group / "inference").mkdir(parents=True)
    columns = "subject\tsession\tcondition\tstatus\treason\nsub-01\tses-1\tplacebo\tused\tn/a\n"
    for name in ("sessions", "trial", "qc", "clinical"):
        (group / f"{name}.tsv").write_text(columns)
    (group / "inference" / "inference.json").write_text(json.dumps({"Masked": True}))
    run = glxflow("report", group, "--out", tmp_path / "report.html")
    assert run.returncode == 2
    assert "the analysis is masked" in run.stderr
    assert not (tmp_path / "report.html").exists()
