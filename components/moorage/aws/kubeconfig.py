"""How the Kubernetes API of a cluster on AWS is reached."""

import json


def kubeconfig(*, name: str, region: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig that holds no token: each one is asked of AWS, as whoever runs the `aws` command.

    It is what `aws eks update-kubeconfig` writes (docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html).

    Args:
        name: the cluster's.
        region: the cluster's.
        endpoint: of the API server, with its `https://`.
        certificate_authority: in base64, as EKS gives it.
    """
    command = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": command,
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": name, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}}
            ],
            "users": [{"name": name, "user": {"exec": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
