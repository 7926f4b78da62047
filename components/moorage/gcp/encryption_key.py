"""Keys of Cloud KMS, and which of Google's services may use one."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import kms

from moorage.gcp.guarded_spec import GuardedSpec
from moorage.gcp.project import service_agent

# What CIS's benchmark for Google Cloud asks for (1.10: within 90 days).
_ROTATION_PERIOD = f"{90 * 24 * 3600}s"
_USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


def create_key(
    name: str, spec: GuardedSpec, services: Sequence[str], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """The id of a symmetric key that rotates and that no one but `services` can use; it knows when they can.

    The name of a key that was there can never be used again, so ring and key get one that never was. What `destroy`
    destroys is the key's material, 30 days later (docs.cloud.google.com/kms/docs/destroy-restore, read 2026-11-25).
    """
    ring = kms.KeyRing(f"{name}-keys", project=spec.project, location=spec.region, opts=opts)
    key = kms.CryptoKey(
        f"{name}-key",
        key_ring=ring.id,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=_ROTATION_PERIOD,
        labels=spec.labels,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=spec.deletion_protection)),
    )
    grants = [
        kms.CryptoKeyIAMMember(
            f"{name}-key-{service}",
            crypto_key_id=key.id,
            role=_USE,
            member=service_agent(spec.project_number, service),
            opts=opts,
        )
        for service in services
    ]
    return pulumi.Output.all(key.id, *(grant.id for grant in grants)).apply(lambda ids: ids[0])
