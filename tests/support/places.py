"""Where the tests keep what they make, and what of the project they use."""

from __future__ import annotations

from scripts.settings import ROOT

TEST_DIR = ROOT / ".run" / "tests"
# Not the clone's own: among archives of real checkpoints no stand-in is made.
PLACES = {
    "STAND_INS": "allowed",
    "RESULTS_DIR": str(TEST_DIR / "results"),
    "MODEL_STORE": str(TEST_DIR / "model_store"),
}
SAMPLES = ROOT / "proxy" / "pages" / "static" / "samples"
