"""Attempts to get out. Each is a program that calls `escaped()` only if it got what it wanted.

`given` is what was planted outside; `libc` and `call` reach system calls that Python does not offer. All
attempts of a level are made in one run, each in a process and a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ATTEMPTS", "DRIVER", "Attempt"]

DRIVER = """
import ctypes, json, os, resource, signal, socket, stat, subprocess, sys, time
given, attempts = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
COLUMN = ["x86_64", "aarch64"].index(os.uname().machine)
NUMBERS = dict(
    add_key=(248, 217), bpf=(321, 280), clone=(56, 220), finit_module=(313, 273), fsopen=(430, 430),
    io_uring_setup=(425, 425), kexec_load=(246, 104), keyctl=(250, 219), memfd_create=(319, 279),
    name_to_handle_at=(303, 264), open_tree=(428, 428), perf_event_open=(298, 241), pidfd_getfd=(438, 438),
    pivot_root=(155, 41), process_vm_readv=(310, 270), setns=(308, 268), userfaultfd=(323, 282),
)


def call(name, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(NUMBERS[name][COLUMN], *arguments), ctypes.get_errno()

def is_open(handle):
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True

LEFT_OPEN = [handle for handle in range(3, 4096) if is_open(handle)]

def make(number, code):
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os.close(out)
        os.dup2(into, 2)
        os.mkdir(str(number))
        os.chdir(str(number))
        try:
            exec(code, {**globals(), "escaped": lambda: os.write(into, b"ESCAPED")})
        except BaseException as error:
            os.write(into, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as stream:
        said = stream.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    return said

print(json.dumps([make(number, code) for number, code in enumerate(attempts)]))
"""


@dataclass(frozen=True)
class Attempt:
    """One attempt."""

    name: str
    code: str
    control: str = "root"
    """Who succeeds with it without a sandbox: "anyone"; "root", unless the machine itself forbids it;
    "nobody" where it would do harm, or where hardly any machine allows it."""

    weaker: dict[str, str] = field(default_factory=dict)
    """Levels that do not stop it, and what they lack. The test then asserts that it does succeed."""


def _reads(path: str) -> str:
    return f"if given['secret'] in open({path}).read(): escaped()"


ATTEMPTS = [
    # secrets outside
    Attempt("read /etc/shadow", "if open('/etc/shadow').read(): escaped()"),
    Attempt("read a file that everybody may read", _reads("given['open']"), "anyone"),
    Attempt("read a file of another user", _reads("given['closed']")),
    Attempt("read an ssh key", _reads("given['ssh/id_ed25519']"), "anyone"),
    Attempt("read another job's folder", _reads("given['other-job/work/a']"), "anyone"),
    Attempt(
        "write to another job's folder", "open(given['other-job/work/a'], 'a').write(''); escaped()", "anyone"
    ),
    Attempt("list the folder outside", "if os.listdir(given['folder']): escaped()", "anyone"),
    Attempt("climb out with ..", _reads("'../' * 30 + given['open']"), "anyone"),
    Attempt(
        "climb out of a handle of the root",
        "f = os.open('/', os.O_RDONLY)\nh = os.open('../..' + given['open'], os.O_RDONLY, dir_fd=f)\n"
        "if given['secret'] in os.read(h, 99).decode(): escaped()",
        "anyone",
    ),
    Attempt("follow a link of its own", "os.symlink(given['open'], 'l')\n" + _reads("'l'"), "anyone"),
    Attempt(
        "follow a link through a folder", "os.symlink(given['folder'], 'l')\n" + _reads("'l/open'"), "anyone"
    ),
    Attempt("hard link to a file outside", "os.link(given['open'], 'l')\n" + _reads("'l'"), "nobody"),
    Attempt("move a file from outside", "os.rename(given['open'], 'l')\n" + _reads("'l'"), "nobody"),
    Attempt(
        "list the home folders",
        "seen = [n for f in ('/home', '/root', '/var', '/srv', '/opt', '/boot') if os.path.isdir(f)"
        " for n in os.listdir(f)]\nprint(seen)\nif set(seen) - {'.pyenv', '.local', 'tmp'}: escaped()",
    ),
    Attempt("read the parent's variable", "if 'INHOUSE_CANARY' in os.environ: escaped()", "nobody"),
    # /proc
    Attempt(
        "read the environment of all processes",
        "for p in os.listdir('/proc'):\n"
        "    try:\n"
        "        if given['secret'] in open(f'/proc/{p}/environ').read(): escaped()\n"
        "    except OSError: pass",
        "anyone",
    ),
    Attempt("see other processes", "if str(given['victim']) in os.listdir('/proc'): escaped()", "anyone"),
    Attempt(
        "read another's command line",
        "if open(f\"/proc/{given['victim']}/cmdline\").read(): escaped()",
        "anyone",
    ),
    Attempt(
        "pass through another's root", _reads("f\"/proc/{given['victim']}/root{given['open']}\""), "anyone"
    ),
    Attempt("pass through the first process's root", _reads("'/proc/1/root' + given['open']"), "nobody"),
    Attempt(
        "read the first process's environment",
        "if given['secret'] in open('/proc/1/environ').read(): escaped()",
        "nobody",
    ),
    Attempt("open another's memory", "open(f\"/proc/{given['victim']}/mem\", 'rb'); escaped()", "anyone"),
    Attempt(
        "use a handle left open",
        "if LEFT_OPEN: escaped()",
        "nobody",
        {"sandlock": "its own handles stay open: the program's file, and a memory file of its loader"},
    ),
    Attempt("press sysrq", "open('/proc/sysrq-trigger', 'w'); escaped()"),
    Attempt("set kernel parameters", "open('/proc/sys/kernel/core_pattern', 'r+'); escaped()"),
    Attempt("look at /sys", "if os.listdir('/sys/class'): escaped()", "anyone"),
    Attempt(
        "look at the kernel's configuration and keys", "if open('/proc/keys').read(): escaped()", "nobody"
    ),
    # other processes
    Attempt("signal a process outside", "os.kill(given['victim'], 0); escaped()", "anyone"),
    Attempt("signal its group", "os.killpg(os.getpgid(given['victim']), 0); escaped()", "anyone"),
    Attempt("hold a process outside by pidfd", "os.pidfd_open(given['victim']); escaped()", "anyone"),
    Attempt("trace a process outside", "if libc.ptrace(16, given['victim'], 0, 0) == 0: escaped()", "anyone"),
    Attempt("trace its parent", "if libc.ptrace(0x4206, os.getppid(), 0, 0) == 0: escaped()", "nobody"),
    Attempt("be traced", "if libc.ptrace(0, 0, 0, 0) == 0: escaped()", "nobody"),
    Attempt(
        "read a process outside",
        "b = ctypes.create_string_buffer(8)\n"
        "v = (ctypes.c_size_t * 2)(ctypes.addressof(b), 8)\n"
        "r, e = call('process_vm_readv', given['victim'], v, 1, (ctypes.c_size_t * 2)(0, 8), 1, 0)\n"
        "if e == 14: escaped()",  # EFAULT: only the address was wrong
        "anyone",
    ),
    Attempt(
        "take a handle of a process outside",
        "r, e = call('pidfd_getfd', 3, 0, 0)\nif e == 9: escaped()",
        "anyone",
    ),
    Attempt(
        "lower another's priority", "os.setpriority(os.PRIO_PROCESS, given['victim'], 1); escaped()", "anyone"
    ),
    # network
    Attempt(
        "connect to a port",
        "socket.create_connection(('127.0.0.1', given['tcp']), 2).recv(5); escaped()",
        "anyone",
    ),
    Attempt(
        "send a datagram and get an answer, as DNS does",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(1)\n"
        "s.sendto(b'?', ('127.0.0.1', given['udp']))\ns.recv(5); escaped()",
        "anyone",
    ),
    Attempt(
        "connect to a Unix socket",
        "s = socket.socket(socket.AF_UNIX)\ns.settimeout(2)\ns.connect(given['unix'])\ns.recv(5); escaped()",
        "anyone",
    ),
    Attempt(
        "connect to an abstract socket",
        "s = socket.socket(socket.AF_UNIX)\ns.settimeout(2)\ns.connect('\\0' + given['abstract'])\n"
        "s.recv(5); escaped()",
        "anyone",
    ),
    Attempt(
        "reach the network's devices",
        "if [n for _, n in socket.if_nameindex() if n != 'lo']: escaped()",
        "nobody",
    ),
    Attempt("open a raw socket", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); escaped()"),
    Attempt("open a packet socket", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); escaped()"),
    Attempt("open a socket to the hypervisor", "socket.socket(40, socket.SOCK_STREAM); escaped()", "nobody"),
    Attempt(
        "open a socket to the kernel's cryptography",
        "socket.socket(38, socket.SOCK_SEQPACKET); escaped()",
        "nobody",
    ),
    # privileges and namespaces
    Attempt("become root", "os.setuid(0); escaped()"),
    Attempt(
        "become root by a set-user-id copy",
        "import shutil\nshutil.copy('/usr/bin/id', 'i')\nos.chmod('i', 0o4755)\n"
        "print(subprocess.run(['./i', '-u'], capture_output=True, text=True).stdout)\n"
        "if subprocess.run(['./i', '-u'], capture_output=True, text=True).stdout.strip() == '0': escaped()",
    ),
    Attempt("give a file away", "open('f', 'w')\nos.chown('f', 0, 0); escaped()"),
    Attempt("chroot", "os.chroot('.'); escaped()"),
    Attempt("mount", "if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0: escaped()", "nobody"),
    Attempt("mount by the new calls", "r, e = call('fsopen', b'tmpfs', 0)\nif r >= 0: escaped()"),
    Attempt("clone a mount", "r, e = call('open_tree', -100, b'/', 1)\nif r >= 0: escaped()"),
    Attempt("pivot the root", "r, e = call('pivot_root', b'/none', b'/none')\nif e == 2: escaped()"),
    Attempt("unmount", "if libc.umount2(b'/proc', 2) == 0: escaped()", "nobody"),
    Attempt("make a user namespace", "if libc.unshare(0x10000000) == 0: escaped()", "anyone"),
    Attempt(
        "make a user namespace by clone",
        "if libc.syscall(NUMBERS['clone'][COLUMN], 0x10000011, 0, 0, 0, 0) >= 0: escaped()",
        "anyone",
    ),
    Attempt(
        "nest a sandbox",
        "if subprocess.run(['unshare', '-Ur', 'true'], capture_output=True).returncode == 0: escaped()",
        "anyone",
    ),
    Attempt(
        "enter another's namespace",
        "h = os.open(f\"/proc/{given['victim']}/ns/net\", os.O_RDONLY)\n"
        "if call('setns', h, 0)[0] == 0: escaped()",
    ),
    Attempt("make a device", "os.mknod('d', stat.S_IFBLK | 0o600, os.makedev(254, 0)); escaped()"),
    Attempt(
        "open the memory and the disks",
        "for n in ('mem', 'kmem', 'port', 'sda', 'vda', 'nvme0n1', 'kvm', 'fuse'):\n"
        "    try:\n        open('/dev/' + n, 'rb'); escaped()\n    except OSError: pass",
    ),
    Attempt("read the kernel's log", "open('/dev/kmsg'); escaped()"),
    Attempt("open the terminal", "open('/dev/tty', 'w'); escaped()", "nobody"),
    Attempt(
        "add a key",
        "r, e = call('add_key', b'user', b'inhouse-attempt', b'x', 1, -2)\nif r >= 0: escaped()",
        "anyone",
    ),
    Attempt("read the session's keys", "r, e = call('keyctl', 0, -3, 0)\nif r >= 0: escaped()", "nobody"),
    Attempt("load a BPF program", "r, e = call('bpf', 0, b'\\0' * 128, 128)\nif e != 1: escaped()"),
    Attempt(
        "watch the processor",
        "r, e = call('perf_event_open', b'\\0' * 128, 0, -1, -1, 0)\nif e not in (1, 13): escaped()",
    ),
    Attempt(
        "open an io_uring", "r, e = call('io_uring_setup', 1, b'\\0' * 128)\nif r >= 0: escaped()", "nobody"
    ),
    Attempt("handle page faults", "r, e = call('userfaultfd', 0)\nif r >= 0: escaped()"),
    Attempt(
        "open files by handle",
        "r, e = call('name_to_handle_at', -100, b'/', b'\\0' * 8, b'\\0' * 8, 0)\nif e != 1: escaped()",
        "anyone",
    ),
    Attempt("load a module", "r, e = call('finit_module', -1, b'', 0)\nif e == 9: escaped()"),
    Attempt("load a kernel", "r, e = call('kexec_load', 0, 99, 0, 0)\nif e == 22: escaped()", "nobody"),
    Attempt("set the clock", "time.clock_settime(time.CLOCK_REALTIME, time.time()); escaped()", "nobody"),
    Attempt(
        "set the host's name",
        "if libc.sethostname(os.uname().nodename.encode(), len(os.uname().nodename)) == 0: escaped()",
        "nobody",
    ),
    Attempt(
        "run as real-time", "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)); escaped()", "nobody"
    ),
    Attempt("raise its priority", "os.nice(-5); escaped()"),
    Attempt("raise its limits", "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)); escaped()"),
    Attempt(
        "raise another's limits",
        "resource.prlimit(given['victim'], resource.RLIMIT_CORE, (0, 0)); escaped()",
        "anyone",
    ),
    # what is read-only
    Attempt(
        "write to the interpreter's folder",
        "f = sys.prefix + '/inhouse-attempt'\nopen(f, 'w')\nos.remove(f); escaped()",
        "anyone",
    ),
    Attempt("write to /usr", "f = '/usr/inhouse-attempt'\nopen(f, 'w')\nos.remove(f); escaped()"),
    Attempt("write to the root folder", "f = '/inhouse-attempt'\nopen(f, 'w')\nos.remove(f); escaped()"),
    Attempt("write to /dev", "f = '/dev/inhouse-attempt'\nopen(f, 'w')\nos.remove(f); escaped()"),
    Attempt(
        "make the interpreter's folder writable",
        "os.chmod(sys.prefix, os.stat(sys.prefix).st_mode); escaped()",
    ),
    Attempt("remount writable", "if libc.mount(None, b'/', None, 32, None) == 0: escaped()", "nobody"),
]
