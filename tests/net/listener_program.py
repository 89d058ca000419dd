"""A small listener in a process of its own; says its port, and its memory when asked.

Commands on standard input: "memory" answers resident KiB and CPU seconds.
"""

import asyncio
import gc
import resource
import sys

import uvloop
from tests.net.listening import listening


def _memory_kib() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    async with listening(first_byte_timeout_s=600.0) as server:
        print(server.port, flush=True)
        while command := await commands.readline():
            if command == b"memory\n":
                gc.collect()
                connections = len(server.listener.connections)
                print(_memory_kib(), _cpu_s(), connections, flush=True)


uvloop.run(_main())
