"""Makes pytest's own fixture for testing plugins available; only the root folder's conftest may do that."""

pytest_plugins = ["pytester"]
