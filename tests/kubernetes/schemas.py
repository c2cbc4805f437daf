"""The schemas of Kubernetes; those of operators' own resources are in validate.mjs."""

from __future__ import annotations

import kubernetes_validate

from tests.support.kustomize import Resource

VERSIONS = ("1.30", "1.33", "1.35")
CUSTOM = {"PrometheusRule", "ServiceMonitor", "ScaledObject"}


def assert_valid(resources: list[Resource], version: str) -> None:
    """Each of Kubernetes' own resources is as this version has it, without a field that it does not know."""
    for resource in resources:
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)
