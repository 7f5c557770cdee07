# SPDX-License-Identifier: GPL-2.0
"""Configuration of Sphinx for these documents; scripts/check-static builds them.

The environment variable KSRC_DIR names a directory with scripts/kernel-doc and Sphinx's
extension for it; scripts/source-tools prints one."""

import os
import sys
from pathlib import Path

SOURCE = Path(os.environ["KSRC_DIR"])
sys.path.insert(0, str(SOURCE / "Documentation/sphinx"))

project = "iommufd"
extensions = ["kerneldoc", "myst_parser"]
highlight_language = "none"

kerneldoc_bin = str(SOURCE / "scripts/kernel-doc")
kerneldoc_srctree = str(Path(__file__).resolve().parent.parent)
kerneldoc_verbosity = 1

# Types in prototypes have no page here. References in the text must resolve.
nitpick_ignore_regex = [("c:identifier", ".*")]
