"""The tests; the folders are the rooms of the code."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.support")
