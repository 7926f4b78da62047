"""Tells before a month costs more than was meant."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import budgets

from moorage.aws.monitoring_spec import CostAllocationTag
from moorage.aws.tags import named

_ACTUAL_PERCENT = (80, 100)
_FORECAST_PERCENT = 100


def create_budget(
    name: str,
    *,
    monthly_usd: float,
    cost_allocation_tag: CostAllocationTag | None,
    topic_arn: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> budgets.Budget:
    """Of the account's whole bill, or of what has a tag, which is nothing until somebody has activated it in billing.

    Costs are known hours later, and a forecast after weeks (docs.aws.amazon.com/cost-management/latest/userguide/
    budgets-best-practices.html, read 2026-11-25).
    """
    expected = [("ACTUAL", percent) for percent in _ACTUAL_PERCENT] + [("FORECASTED", _FORECAST_PERCENT)]
    return budgets.Budget(
        name,
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=f"{monthly_usd:.2f}",
        limit_unit="USD",
        cost_filters=[] if cost_allocation_tag is None else [_tagged(cost_allocation_tag)],
        notifications=[
            {
                "notification_type": kind,
                "comparison_operator": "GREATER_THAN",
                "threshold": percent,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic_arn],
            }
            for kind, percent in expected
        ],
        tags=named(name, tags),
        opts=opts,
    )


def _tagged(tag: CostAllocationTag) -> budgets.BudgetCostFilterArgsDict:
    """docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html (read 2026-11-25)."""
    return {"name": "TagKeyValue", "values": [f"user:{tag.key}${tag.value}"]}
