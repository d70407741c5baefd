import hashlib

import pytest

from glxflow.io.files import atomic_path, sha256


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "new" / "table.tsv"
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.tsv"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_temporary_name_keeps_its_ending(tmp_path):
    with atomic_path(tmp_path / "scan_svs.nii.gz") as temporary:
        assert temporary.name.endswith("scan_svs.nii.gz")  # nibabel chooses the format by it
        temporary.touch()


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"glx")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"glx").hexdigest()
