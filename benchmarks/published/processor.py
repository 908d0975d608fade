"""How results name the machine. It imports nothing heavy, so that any script can ask."""

from __future__ import annotations

import os
import platform
from pathlib import Path

FACTS = Path("/proc/cpuinfo")


def processor(facts: Path = FACTS) -> str:
    """The processor's model and the number of cores, as "Intel(R) Xeon(R) Processor (family 6, model 143), 2 cores".

    Args:
        facts: the file in which Linux says so; without it, the name that Python knows.
    """
    lines = facts.read_text().splitlines() if facts.exists() else []
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = said.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in said:
        name += f" (family {said['cpu family']}, model {said.get('model')})"
    return f"{name}, {os.cpu_count()} cores"
