"""What Pulumi runs for `moorage` in a program that is not in Python."""

import sys
from pathlib import Path

# Pulumi installs requirements.txt alone: the library is the one of this checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "components"))

from moorage.plugin.host import main

main()
