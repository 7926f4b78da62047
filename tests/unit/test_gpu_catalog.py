"""The catalogue's rows, and the traps in them."""

from datetime import date

import pytest

from moorage.gcp.gpu_machine_type import gpu_machine_types
from moorage.planner.availability import aws_regions, gcp_zones, nearest_first
from moorage.planner.gpu_catalog import (
    CLOUDS,
    REFERENCE_REGIONS,
    Cloud,
    GpuInstance,
    gpu_catalog,
    instance_types,
    instances_in,
    regions_of,
)


def row(cloud: str, region: str, instance_type: str) -> GpuInstance:
    (found,) = [each for each in instances_in(cloud, region) if each.instance_type == instance_type]
    return found


def test_every_type_is_in_every_region_where_it_is_for_sale_once():
    found = [(each.cloud, each.region, each.instance_type) for each in gpu_catalog()]
    assert len(set(found)) == len(found) > 345
    assert gpu_catalog() is gpu_catalog()
    for name, regions in aws_regions().items():
        assert set(regions_of("aws", name)) == regions


def test_the_two_sources_agree_on_what_is_for_sale_in_us_east_1():
    priced = {each.instance_type for each in instances_in("aws", "us-east-1") if each.price_usd_per_hour is not None}
    assert priced == {name for name, regions in aws_regions().items() if "us-east-1" in regions}


def test_where_zones_are_known_they_decide_over_the_price_list():
    """Google's lists a price for a2-megagpu-16g wherever there are GPUs of that kind."""
    assert regions_of("gcp", "a2-megagpu-16g") == ["us-central1", "europe-west4", "asia-southeast1"]
    assert set(gcp_zones()) <= {each.instance_type.rpartition("-")[0] for each in gpu_catalog()}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_where_no_price_is_known_types_are_compared_by_the_reference_region(cloud: Cloud):
    reference = {each.instance_type: each for each in instances_in(cloud, REFERENCE_REGIONS[cloud])}
    for each in gpu_catalog():
        if each.cloud == cloud and each.price_usd_per_hour is None and each.comparable_usd_per_hour is not None:
            assert each.comparable_usd_per_hour == reference[each.instance_type].price_usd_per_hour
    assert set(reference) <= set(instance_types(cloud))


def test_what_the_planner_chooses_on_google_cloud_is_what_its_pools_can_be_made_of():
    chosen = {name: row for name, row in instance_types("gcp").items() if row.is_placeable}
    machines = gpu_machine_types()
    assert set(chosen) == {name for name, machine in machines.items() if machine.machine_type == name}
    for name, row in chosen.items():
        assert row.gpu_count == machines[name].accelerator_count, name
    gpus: dict[str, set[tuple[str, float]]] = {}
    for name, row in chosen.items():
        gpus.setdefault(machines[name].accelerator_type, set()).add((row.gpu_name, row.gpu_mem_gib))
    assert {accelerator: len(kinds) for accelerator, kinds in gpus.items()} == dict.fromkeys(gpus, 1)


def test_the_nearest_regions_are_those_of_the_same_part_of_the_world():
    assert nearest_first(["us-east-1", "ap-south-1", "eu-west-3", "eu-north-1"], "eu-west-1") == [
        "eu-north-1",
        "eu-west-3",
        "ap-south-1",
        "us-east-1",
    ]


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
        ("aws", "us-east-2", "trn2.48xlarge"),
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


def test_it_knows_where_a_type_is():
    assert regions_of("gcp", "a3-ultragpu-8g") == ["us-central1", "us-east4"]
    assert regions_of("aws", "p5e.48xlarge") == ["us-east-2"]
    assert "eu-west-1" in regions_of("aws", "g5.xlarge")
    assert "eu-west-1" not in regions_of("aws", "g6e.xlarge")
    assert regions_of("aws", "g9.large") == []
