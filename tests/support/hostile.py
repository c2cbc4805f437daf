"""Variables that people have in their environment for other programs."""

from __future__ import annotations

_NOBODY = "http://127.0.0.1:9"

PROXIES = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), _NOBODY)

# With these each part of the project still starts. PYTHON... variables are not among them: what make and scripts/ start
# is protected against those, but not a Python that a test starts.
HOSTILE = {
    **PROXIES,
    "TS_DISABLE_TOKEN_AUTHORIZATION": "true",
    "TS_CONFIG_FILE": "/nowhere",
    "JAVA_TOOL_OPTIONS": "-javaagent:/nowhere.jar",
    "_JAVA_OPTIONS": "-Xmx1m",
    "LD_PRELOAD": "/nowhere.so",
    "OPENSSL_CONF": "/nowhere",
    "REQUESTS_CA_BUNDLE": "/nowhere",
    "LC_ALL": "C",
    "LOG_LEVEL": "INFO",
    "PYTHONOPTIMIZE": "2",
    "METRICS_LOCATION": "/nowhere",
}

# What Python obeys before any line of ours is read.
PYTHON = {
    "PYTHONSAFEPATH": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
}
