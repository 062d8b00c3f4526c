"""Whether a folder lies on a network file system, where SQLite's locks do not hold. Reads the mount table, nothing else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StoreError

MOUNT_TABLE = Path("/proc/self/mountinfo")
# As the kernel calls them. What comes through FUSE is called `fuse.<name>`.
NETWORK = frozenset(
    [
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "ceph-fuse",
        "cifs",
        "coda",
        "davfs",
        "fhgfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "rclone",
        "s3fs",
        "smb2",
        "smb3",
        "smbfs",
        "sshfs",
        "webdav",
    ]
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A mounted file system."""

    point: Path
    kind: str

    @property
    def on_network(self) -> bool:
        return self.kind.lower().removeprefix("fuse.").removeprefix("fuse_") in NETWORK


def read_table(text: str) -> list[Mount]:
    """The mounts of a table in the form of /proc/self/mountinfo (proc(5)); lines in another form are passed over."""
    mounts = []
    for line in text.splitlines():
        about, _, system = line.partition(" - ")
        fields, kind = about.split(" "), system.partition(" ")[0]
        if len(fields) > 4 and kind:
            mounts.append(Mount(Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])), kind))
    return mounts


def mount_of(folder: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that a folder lies in: the deepest one around it, of several at one place the last."""
    around = [mount for mount in mounts if folder.is_relative_to(mount.point)]
    return max(reversed(around), key=lambda mount: len(mount.point.parts), default=None)


def require_local(folder: Path) -> None:
    """Raises StoreError when the folder lies on a network file system."""
    mount = mount_of(folder.resolve(), _mounts())
    if mount is not None and mount.on_network:
        raise StoreError("errors.network_file_system", path=str(folder), kind=mount.kind)


def _mounts() -> list[Mount]:
    try:
        return read_table(MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:  # not Linux
        import psutil

        return [Mount(Path(each.mountpoint), each.fstype) for each in psutil.disk_partitions(all=True)]
