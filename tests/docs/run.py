"""Runs the tests of the documents."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).parent

sys.path.append(str(HERE.parent / "browser"))
from loopback import raise_loopback  # noqa: E402

raise_loopback()
unittest.main(module=None, argv=["tests of the documents", "discover", "-s", str(HERE), *sys.argv[1:]])
