"""Loads Arrow's libraries before the extension that is built on them.

The extension is linked to the libraries inside pyarrow, so pyarrow must be loaded first, in the minor version that the
extension was built with.
"""

from __future__ import annotations

PYARROW_REQUIREMENT = "pyarrow>=26.0,<26.1"
"""What the package's metadata asks for."""


def load() -> None:
    """Imports pyarrow and then the extension; ImportError says which pyarrow is there and which is needed."""
    try:
        import pyarrow
        import pyarrow.compute  # its library is one of those that the extension is linked to
        import pyarrow.parquet  # and so is this one
    except ImportError as error:
        raise ImportError(
            f"marquet needs Arrow's libraries out of pyarrow: pip install '{PYARROW_REQUIREMENT}' ({error})"
        ) from error
    try:
        from marquet import _core  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"marquet's extension cannot be loaded with pyarrow {pyarrow.__version__}, which is installed; "
            f"it needs {PYARROW_REQUIREMENT}: pip install '{PYARROW_REQUIREMENT}' ({error})"
        ) from error
