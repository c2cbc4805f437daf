"""The whole contract against the real stack: clients see nothing else, and neither do these tests."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.assertions", f"{__name__}.polling")
