import errno
import hashlib
import os

import pytest

from glxflow.io.files import atomic_path, fingerprint, sha256


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


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o007, 0o660), (0o022, 0o644)])
def test_others_may_do_what_the_user_lets_them(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "table.tsv") as temporary:
            temporary.touch(mode=0o600)  # as a library does
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert (tmp_path / "table.tsv").stat().st_mode & 0o777 == mode


def test_a_full_disk_is_said_with_the_file_that_had_no_room(tmp_path):
    def fail():
        with atomic_path(tmp_path / "table.tsv") as temporary:
            temporary.touch()
            raise OSError(errno.ENOSPC, "No space left on device")  # as `write` does

    with pytest.raises(OSError, match=r"No space left on device: '.*table\.tsv'"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_name_keeps_its_ending(tmp_path):
    with atomic_path(tmp_path / "scan_svs.nii.gz") as temporary:
        assert temporary.name.endswith("scan_svs.nii.gz")  # nibabel chooses the format by it
        temporary.touch()


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"glx")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"glx").hexdigest()


@pytest.mark.parametrize("size", [10, 2_000_000])  # compared by content, by size and time
def test_files_that_change_places_have_another_fingerprint(tmp_path, size):
    first, second = tmp_path / "1" / "scan", tmp_path / "2" / "scan"
    for time_s, path in enumerate((first, second), start=1):
        path.parent.mkdir()
        path.write_bytes(bytes([time_s]) * size)
        os.utime(path, (time_s, time_s))
    before = fingerprint([first, second])
    assert fingerprint([first, second]) == before
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    assert fingerprint([first, second]) != before


def test_a_time_alone_does_not_change_the_fingerprint_of_a_table(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\n")
    before = fingerprint([path])
    os.utime(path, (1, 1))
    assert fingerprint([path]) == before


def test_the_fingerprint_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "Glu.json").write_text("1")
    (tmp_path / "Gln.json").write_text("2")
    before = fingerprint([tmp_path])
    (tmp_path / "Glu.json").write_text("3")
    assert fingerprint([tmp_path]) != before


def test_an_absent_file_has_a_fingerprint_of_its_own(tmp_path):
    (tmp_path / "scan").symlink_to("not fetched")
    absent = fingerprint([tmp_path / "scan"])
    (tmp_path / "scan").unlink()
    (tmp_path / "scan").write_text("")
    assert fingerprint([tmp_path / "scan"]) != absent
