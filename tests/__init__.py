"""The tests; one folder for each folder of the code."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.support")
