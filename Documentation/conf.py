# SPDX-License-Identifier: GPL-2.0
"""How Sphinx reads these documents; scripts/check-static builds them.

KSRC_DIR is a kernel source that has scripts/kernel-doc and its extension, as
scripts/source-tools prints it."""

import os
import sys
from pathlib import Path

SOURCE = Path(os.environ["KSRC_DIR"])
sys.path.insert(0, str(SOURCE / "Documentation/sphinx"))

project = "iommufd"
extensions = ["kerneldoc"]
highlight_language = "none"

kerneldoc_bin = str(SOURCE / "scripts/kernel-doc")
kerneldoc_srctree = str(Path(__file__).resolve().parent.parent)
kerneldoc_verbosity = 1

# The types in a prototype; what the text refers to is looked for.
nitpick_ignore_regex = [("c:identifier", ".*")]
