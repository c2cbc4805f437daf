"""The models that tests serve and ask: the quickest of the nine for small stacks, and a choice of the nine."""

from __future__ import annotations

SERVED = "MobileNetV2_CK+48"
ARCHIVE = "MobileNetV2_CKplus48"  # of SERVED
OTHER = "MobileNetV2_FER2013"
SMALL = ("MobileNetV2_FER2013", "MobileNetV2_RAF-DB", "MobileNetV2_CK+48", "ResNet50_CK+48")
# Each architecture and each data set. An answer has its labels from the data set and its numbers from the architecture
# and the checkpoint; no code looks at both. VGG19 takes twenty times as long as MobileNetV2.
EACH = ("MobileNetV2_FER2013", "MobileNetV2_RAF-DB", "MobileNetV2_CK+48", "ResNet50_CK+48", "VGG19_RAF-DB")
