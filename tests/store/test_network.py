"""Network file systems are found in the mount table, and refused with a way out."""

from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store import network
from engine.store.connect import VARIABLE, Store
from engine.store.home import Home

TABLE = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:40 / /home rw,relatime shared:5 master:2 - nfs4 server:/home rw,vers=4.2
41 40 8:1 / /home/fast rw,relatime - xfs /dev/sdb1 rw
42 22 0:42 / /mnt/my\\040disk rw,relatime - fuse.sshfs me@host: rw
43 22 0:43 / /mnt/over rw - ext4 /dev/sdc1 rw
44 22 0:44 / /mnt/over rw - cifs //server/share rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("folder", "kind", "on_network"),
    [
        ("/srv/data", "ext4", False),
        ("/home/me/athanor", "nfs4", True),
        ("/home", "nfs4", True),
        ("/homes", "ext4", False),
        ("/home/fast/me", "xfs", False),
        ("/mnt/my disk/a", "fuse.sshfs", True),
        ("/mnt/over/a", "cifs", True),
    ],
)
def test_the_deepest_and_last_mount_counts(folder: str, kind: str, on_network: bool) -> None:
    mount = network.mount_of(Path(folder), network.read_table(TABLE))
    assert mount is not None
    assert (mount.kind, mount.on_network) == (kind, on_network)


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "fuse.sshfs", "9p", "ceph", "fuse.glusterfs", "lustre"]
)
def test_these_are_of_the_network(kind: str) -> None:
    assert network.Mount(Path("/"), kind).on_network


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "NTFS", "fuse.ntfs-3g", "fuseblk"])
def test_these_are_local(kind: str) -> None:
    assert not network.Mount(Path("/"), kind).on_network


def test_a_folder_in_no_mount_is_taken_as_local() -> None:
    assert network.mount_of(Path("/a"), []) is None


def test_the_store_refuses_and_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {tmp_path} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(network, "MOUNT_TABLE", table)
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(StoreError, match=r"nfs4.*ATHANOR_STORE=postgresql"):
        Store(Home(tmp_path / "home"))
    assert not (tmp_path / "home" / "athanor.db").exists()


def test_this_machine_has_a_mount_table() -> None:
    assert network._mounts()
