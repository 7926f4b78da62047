"""What a client needs to talk to the API server."""

from pathlib import Path

import yaml

from .certificates import Certificate

_PRIVATE = 0o600


def write_kubeconfig(file: Path, *, server: str, authority: Path, client: Certificate) -> Path:
    """`file`, with one context for the user of the certificate."""
    cluster = {"server": server, "certificate-authority": str(authority)}
    user = {"client-certificate": str(client.certificate), "client-key": str(client.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": file.stem, "user": user}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": file.stem}}],
        "current-context": "tests",
    }
    file.touch(mode=_PRIVATE)
    file.write_text(yaml.safe_dump(content))
    return file
