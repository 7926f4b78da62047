"""The program: reads the stack's settings, builds the option it names, exports the outputs every stack has."""

import pulumi

from moorage.local.errors import LocalError
from moorage.spec import SpecError
from options import build
from outputs import export
from settings import read_settings


def main() -> None:
    try:
        export(build(read_settings()))
    except (SpecError, LocalError) as error:
        raise pulumi.RunError(str(error)) from None


main()
