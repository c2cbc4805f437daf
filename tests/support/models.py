"""The models that the tests of small stacks serve: the quickest of the nine."""

from __future__ import annotations

SERVED = "MobileNetV2_CK+48"
ARCHIVE = "MobileNetV2_CKplus48"  # of SERVED
OTHER = "MobileNetV2_FER2013"
SMALL = ("MobileNetV2_FER2013", "MobileNetV2_RAF-DB", "MobileNetV2_CK+48", "ResNet50_CK+48")
