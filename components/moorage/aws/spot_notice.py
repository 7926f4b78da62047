"""How engines on an instance of Amazon ECS hear that AWS takes it back: pure.

ECS alone does not tell them. Its agent has the instance drained, but a service that may never have fewer healthy tasks
than it wants stops none before its successor is healthy: "If you use Spot Instances and minimumHealthyPercent is
greater than or equal to 100%, then the service will not have enough time to replace the task before the Spot Instance
terminates" (docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html, read 2026-11-26).
With less than 100 every deployment would stop an engine before another has loaded.
"""

from moorage.aws.node_pool import SPOT_NOTICE_SECONDS
from moorage.aws.vllm_container import CONTAINER_NAME

_NAME = "spot-notice"
# github.com/aws/amazon-ecs-agent, agent/engine/docker_task_engine.go (read 2026-11-26). Not all containers of a task
# are to be stopped: one holds its network.
_LABEL = f"com.amazonaws.ecs.container-name={CONTAINER_NAME}"

SPOT_NOTICE_SCRIPT = f"""\
#!/bin/bash
metadata=${{1:-http://169.254.169.254}}/latest
ask() {{ curl --fail --silent --max-time 2 "$@"; }}
until
  token=$(ask --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") &&
    ask --header "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/spot/instance-action"
do
  sleep 5
done
docker ps --quiet --filter 'label={_LABEL}' | xargs --no-run-if-empty docker stop -t {SPOT_NOTICE_SECONDS}
"""
"""Waits for the notice, asking as often as AWS recommends, and has engines finish what they have begun
(docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html, read 2026-11-26)."""


def spot_notice_commands() -> list[str]:
    """For an instance's first start: they leave a service of systemd that runs the script."""
    return [
        f"cat > /usr/local/bin/{_NAME} <<'END'",
        f"{SPOT_NOTICE_SCRIPT}END",
        f"chmod 755 /usr/local/bin/{_NAME}",
        f"cat > /etc/systemd/system/{_NAME}.service <<'END'",
        "[Unit]",
        "Description=Engines finish their requests before AWS takes the instance back",
        "[Service]",
        f"ExecStart=/usr/local/bin/{_NAME}",
        "Restart=on-failure",
        "[Install]",
        "WantedBy=multi-user.target",
        "END",
        f"systemctl enable --now --no-block {_NAME}.service",
    ]
