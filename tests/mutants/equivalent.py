"""Mutants that no test can notice, each with the reason."""

from __future__ import annotations

import re

# Of every file: what is left of the two lines once this is taken out of both is the same.
ANYWHERE = {
    r'(, )?encoding=("utf-8"|"UTF-8"|None)': "Python names the codec in either case, and a UTF-8 locale has it anyway",
}
# (file, part of the line after the change): reason.
ONE_BY_ONE = {
    ("scripts/files.py", 'path.open("rb", )'): "a buffer costs a copy and changes no byte",
    ("scripts/store/digests.py", "ThreadPoolExecutor(None)"): "more threads only take turns longer",
    (
        "scripts/store/digests.py",
        "threads.map(_hashed, unknown), ",
    ): "both lists are as long as each other by their making",
    ("scripts/client/service.py", '_call("get"'): "requests sends the method in capitals",
    ("scripts/client/service.py", '_call("post"'): "requests sends the method in capitals",
    ("scripts/client/service.py", ">= deadline"): "no clock hits the deadline to the nanosecond",
    ("scripts/client/service.py", '["retry-after"]'): "names of headers have no case",
    ("scripts/client/service.py", '["RETRY-AFTER"]'): "names of headers have no case",
    ("scripts/client/service.py", 'float("INF")'): "Python reads it in either case",
    ("scripts/access/key_file.py", "token_urlsafe(None)"): "32 bytes are Python's own choice, today",
}


def reason(file: str, old: str, new: str) -> str | None:
    """Why the change of one line makes no difference; None if it may make one."""
    for pattern, why in ANYWHERE.items():
        if re.search(pattern, old) and re.sub(pattern, "", old) == re.sub(pattern, "", new).replace(", )", ")"):
            return why
    return next((why for (path, part), why in ONE_BY_ONE.items() if path == file and part in new), None)
