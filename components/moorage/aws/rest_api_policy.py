"""Who reaches a REST API at all."""

from collections.abc import Sequence

from moorage.aws.policy import Conditions, Statement, policy_document


def clients_policy(requests: Sequence[str], networks: Sequence[str] | None) -> str:
    """Everybody, or whoever comes from one of the networks; the API's authorizer asks for a key then.

    A policy that names nobody would be a denial.
    """
    statement = Statement(
        Sid="Clients", Effect="Allow", Principal="*", Action=("execute-api:Invoke",), Resource=requests
    )
    if networks is not None:
        condition: Conditions = {"IpAddress": {"aws:SourceIp": list(networks)}}
        statement["Condition"] = condition
    return policy_document(statement)
