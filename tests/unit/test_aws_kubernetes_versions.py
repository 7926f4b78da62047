"""Which versions of Kubernetes a cluster on AWS may have, and what is said of one that grows old."""

from datetime import date, timedelta

import pytest

from moorage.aws.kubernetes_versions import (
    DEFAULT_VERSION,
    TABLE_DATE,
    check_version,
    kubernetes_versions,
    support_notice,
)

ROW = kubernetes_versions()["1.35"]
ONE_DAY = timedelta(days=1)


def test_each_version_is_supported_for_fourteen_months_and_twelve_more():
    for row in kubernetes_versions().values():
        assert 420 <= (row.standard_support_end - row.released).days <= 430
        assert row.extended_support_end.replace(year=row.standard_support_end.year) == row.standard_support_end


def test_the_default_is_in_standard_support_when_the_table_was_made():
    assert kubernetes_versions()[DEFAULT_VERSION].standard_support_end > TABLE_DATE


@pytest.mark.parametrize("version", ["1.31", "1.99", "1.35.2", "latest", ""])
def test_a_version_that_eks_does_not_run_is_refused_with_those_that_it_does(version: str):
    with pytest.raises(ValueError, match=r"must be one of 1\.32, 1\.33, 1\.34, 1\.35, 1\.36"):
        check_version(version, TABLE_DATE)


def test_a_version_is_refused_from_the_day_on_which_its_support_has_ended():
    assert check_version("1.35", ROW.extended_support_end - ONE_DAY) == "1.35"
    with pytest.raises(ValueError, match="must be one of"):
        check_version("1.35", ROW.extended_support_end)


def test_nothing_is_said_of_a_version_in_its_prime():
    assert support_notice("1.35", ROW.standard_support_end - timedelta(days=61)) is None


def test_two_months_before_the_price_rises_it_is_said():
    notice = support_notice("1.35", ROW.standard_support_end - timedelta(days=60))
    assert notice is not None
    assert "ends on 2027-03-27; from then the cluster costs 0.50 USD an hour more" in notice


def test_after_that_it_is_said_that_it_has():
    assert "ended on 2027-03-27" in str(support_notice("1.35", date(2027, 3, 27)))
