"""The catalogue's rows, and the traps in them."""

from datetime import date

import pytest

from moorage.planner.gpu_catalog import GpuInstance, gpu_catalog, has_whole, instances_in, regions_of


def row(cloud: str, region: str, instance_type: str) -> GpuInstance:
    (found,) = [each for each in instances_in(cloud, region) if each.instance_type == instance_type]
    return found


def test_every_row_is_read_once():
    assert len(gpu_catalog()) == 345
    assert gpu_catalog() is gpu_catalog()
    assert len({(each.cloud, each.region, each.instance_type) for each in gpu_catalog()}) == 345


def test_every_row_has_a_source_and_a_date_or_says_that_it_has_none():
    for each in gpu_catalog():
        assert each.source
        assert each.source_date.startswith("undated") or date.fromisoformat(each.source_date[:10])


def test_memory_is_of_one_gpu_and_what_torch_sees_of_it_is_less():
    for each in gpu_catalog():
        if each.gpu is not None:
            assert 0.9 * each.gpu_mem_gib < each.gpu.usable_gib < each.gpu_mem_gib
    eight = row("gcp", "us-central1", "g2-standard-96")
    assert (eight.gpu_count, eight.gpu_mem_gib) == (8, 24)


def test_the_same_gpu_is_as_large_on_both_clouds():
    aws, google = row("aws", "us-east-1", "g6.2xlarge"), row("gcp", "us-central1", "g2-standard-8")
    assert aws.gpu_mem_gib != google.gpu_mem_gib
    assert aws.gpu == google.gpu


def test_an_a100_of_40_gib_is_not_one_of_80():
    small, large = row("aws", "us-east-1", "p4d.24xlarge"), row("aws", "us-east-1", "p4de.24xlarge")
    assert small.gpu_name == large.gpu_name
    assert small.gpu is not None
    assert large.gpu is not None
    assert large.gpu.usable_gib > 2 * small.gpu.usable_gib - 1


@pytest.mark.parametrize(
    ("cloud", "region", "name"),
    [
        ("aws", "us-east-1", "g6f.xlarge"),
        ("gcp", "us-central1", "g4-standard-12"),
        ("aws", "us-east-1", "inf2.8xlarge"),
        ("aws", "us-east-1", "trn2.48xlarge"),
        ("gcp", "us-central1", "n1-standard-8+1xT4"),
    ],
    ids=["slice", "slice of Google's", "Inferentia", "Trainium", "no type of its own"],
)
def test_what_no_pool_can_ask_for_or_vllm_not_use_is_not_placeable(cloud: str, region: str, name: str):
    assert not row(cloud, region, name).is_placeable


def test_a_price_that_its_source_doubts_is_none():
    assert row("gcp", "us-east4", "a4-highgpu-8g").price_usd_per_hour is None


def test_spot_is_cheaper_than_on_demand():
    for each in gpu_catalog():
        if each.spot_usd_per_hour is not None and each.price_usd_per_hour is not None:
            assert each.spot_usd_per_hour < each.price_usd_per_hour


def test_of_most_aws_regions_it_has_samples_only():
    assert has_whole("aws", "us-east-1")
    assert has_whole("gcp", "europe-west4")
    assert not has_whole("aws", "us-west-2")
    assert not has_whole("gcp", "africa-south1")
    assert regions_of("gcp", "a3-ultragpu-8g") == ["us-central1", "us-east4"]
