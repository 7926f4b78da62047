"""How a client reaches a cluster, as kubectl has it: pure."""

import json


def kubeconfig(*, name: str, endpoint: str, certificate_authority: str | None) -> str:
    """In JSON, which every reader of YAML reads.

    It has no credentials: `gke-gcloud-auth-plugin` makes them of those that its user has with Google Cloud
    (docs.cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl).

    Args:
        name: the cluster's.
        endpoint: its host, without a scheme.
        certificate_authority: in base64, as GKE gives it; none for an endpoint by DNS, whose certificate
            every machine trusts.
    """
    server = {"server": f"https://{endpoint}"}
    if certificate_authority is not None:
        server["certificate-authority-data"] = certificate_authority
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "installHint": "gcloud components install gke-gcloud-auth-plugin",
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
