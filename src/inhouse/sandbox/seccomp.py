"""The system calls that nothing in the sandbox needs, as a classic BPF program for the kernel's filter.

Namespaces keep a program from what it may not see. The filter takes away what is left: the doors through
which kernels have been broken, memory that no limit counts (memfd, System V), other processes' memory, key
rings, and address families that no network namespace contains, such as vsock. After seccomp(2) and the list
that Docker denies by default; numbers from the kernel's tables.
"""

from __future__ import annotations

import errno
import platform
import struct

__all__ = ["DENIED_CALLS", "filter_program"]

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data

_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW* of clone(2)
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

# name: numbers on x86_64 and aarch64; -1 where it does not exist
_DENIED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, -1),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
DENIED_CALLS = tuple(_DENIED)
"""Names of the calls that fail with EPERM."""

# architecture: column above, its AUDIT_ARCH, the numbers of clone, clone3, socket, socketpair and ioctl
_MACHINES = {
    "x86_64": (0, 0xC000003E, 56, 435, 41, 53, 16),
    "aarch64": (1, 0xC00000B7, 220, 435, 198, 199, 29),
}
_X32 = 0x40000000  # the second set of numbers of x86_64


def filter_program(machine: str | None = None) -> bytes | None:
    """Return the filter as an array of `struct sock_filter`, or None for a machine without a table above."""
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    column, architecture, clone, clone3, socket, socketpair, ioctl = known
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        _deny(errno.ENOSYS),
    ]
    for numbers in _DENIED.values():
        if numbers[column] >= 0:
            code += [_step(_EQUAL, numbers[column], 0, 1), _deny(errno.EPERM)]
    code += [
        _step(_EQUAL, clone3, 0, 1),
        _deny(errno.ENOSYS),
    ]  # its flags lie in memory: libc then uses clone
    code += _argument(clone, _FIRST, [_step(_ANY_BIT, _NEW_NAMESPACES, 0, 1), _deny(errno.EPERM)])
    for number in (socket, socketpair):
        allowed = [_step(_EQUAL, family, len(_FAMILIES) - place, 0) for place, family in enumerate(_FAMILIES)]
        code += _argument(number, _FIRST, [*allowed, _deny(errno.EAFNOSUPPORT)])
    for request in _TERMINAL_INPUT:
        code += _argument(ioctl, _SECOND, [_step(_EQUAL, request, 0, 1), _deny(errno.EPERM)])
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _argument(number: int, offset: int, checks: list[bytes]) -> list[bytes]:
    """Return the checks of one argument's lower half, for one call only; the accumulator holds the number
    again afterwards. A check that jumps past the end of `checks` allows.
    """
    body = [_step(_LOAD, offset), *checks, _step(_LOAD, _NUMBER)]
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _deny(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
