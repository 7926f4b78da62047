"""Which versions of Kubernetes Amazon EKS runs, and until when: pure, but for the table that it reads.

The table is that of docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html. Versions 1.32 to 1.34 were read
in the documentation's source (github.com/awsdocs/amazon-eks-user-guide, read 2026-11-25), 1.35 at endoflife.date and in
aws-samples.github.io/sample-apex-skills (verified there on 2026-04-24), 1.36 in a transcription of 2026-09-08; the end
of 1.36's extended support follows from the rule that it lasts twelve months.
"""

import csv
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple

TABLE_DATE = date(2026, 9, 8)
"""Until when the table is known to be complete."""
DEFAULT_VERSION = "1.35"
# factualminds.com/blog/amazon-eks-pricing-control-plane-addons-auto-mode (2026-06-13), cloudburn.io/blog/
# amazon-eks-pricing (2026-04-01), both read 2026-11-25: 0.60 in all, of which 0.10 are any cluster's.
EXTENDED_SUPPORT_USD_PER_HOUR = 0.50
"""What a cluster costs more once its version is past its standard support, in us-east-1."""
_NOTICE = timedelta(days=60)


class KubernetesVersion(NamedTuple):
    """A minor version, with the days from which its support is another one."""

    version: str
    released: date
    standard_support_end: date
    extended_support_end: date


@cache
def kubernetes_versions() -> dict[str, KubernetesVersion]:
    """By their number, oldest first."""
    text = resources.files("moorage.aws").joinpath("kubernetes_versions.csv").read_text()
    return {
        row["version"]: KubernetesVersion(
            row["version"],
            date.fromisoformat(row["released"]),
            date.fromisoformat(row["standard_support_end"]),
            date.fromisoformat(row["extended_support_end"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


def check_version(version: str, today: date) -> str:
    """The version itself.

    Raises:
        ValueError: where EKS does not run it, or no longer, with those that it does.
    """
    known = kubernetes_versions()
    supported = [row.version for row in known.values() if today < row.extended_support_end]
    if version not in supported:
        raise ValueError(f"must be one of {', '.join(supported)}, which Amazon EKS supports (table of {TABLE_DATE})")
    return version


def support_notice(version: str, today: date) -> str | None:
    """What to tell whoever runs it: that its standard support ends soon or has ended, or nothing."""
    end = kubernetes_versions()[version].standard_support_end
    if today < end - _NOTICE:
        return None
    verb = "ends" if today < end else "ended"
    price = f"{EXTENDED_SUPPORT_USD_PER_HOUR:.2f} USD an hour more"
    return f"Amazon EKS's standard support of Kubernetes {version} {verb} on {end}; from then the cluster costs {price}"
