"""The health check of the container: exit code 0 where `/health/ready` answers 200.

Address and port are those of the gateway's own environment variables, which the image sets. HTTPS where
`FASTGATE_SERVER__TLS__CERTIFICATE` is set; with `server.tls` in a file, set it to the same path. The
certificate is not verified: it need not name the address that is asked here.
"""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPSConnection

# Not urllib, which would ask the proxy that HTTP_PROXY names.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_TIMEOUT_S = 2.0


def main() -> int:
    host = os.environ.get("FASTGATE_SERVER__HOST", "127.0.0.1")
    host = _EVERYWHERE.get(host, host)
    port = int(os.environ.get("FASTGATE_SERVER__PORT", "8080"))
    if os.environ.get("FASTGATE_SERVER__TLS__CERTIFICATE"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except OSError as error:
        print(f"{host}:{port}: {error}")
        return 1
    print(f"{host}:{port}: {status}")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
