"""moto's server with a DynamoDB that does one thing at a time.

AWS's conditional writes are atomic; moto 5.2 looks at the condition, and writes later, while other threads look too.
"""

import threading
from typing import Any

from moto import server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

_DYNAMODB = threading.Lock()


class AtomicApplication(DomainDispatcherApplication):
    """Answers every service as before."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return super().__call__(environ, start_response)
        with _DYNAMODB:
            return super().__call__(environ, start_response)


if __name__ == "__main__":
    setattr(server, DomainDispatcherApplication.__name__, AtomicApplication)
    server.main()
