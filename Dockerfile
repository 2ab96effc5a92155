# syntax=docker/dockerfile:1

FROM python:3.13-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fastgate
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY src ./src
# The constraints go for the build's own tools too, which pip installs apart: newer ones take those from an
# option of their own, and the pip of the constraints is such a one.
RUN /opt/fastgate/bin/python -m pip install --upgrade --constraint constraints.txt pip \
 && /opt/fastgate/bin/python -m pip install --constraint constraints.txt --build-constraint constraints.txt '.[postgres,aws,google,azure]' \
 && /opt/fastgate/bin/python -m pip uninstall --yes pip \
 && /opt/fastgate/bin/python -m compileall -q /opt/fastgate

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/fastgate --create-home fastgate \
 && install --directory --owner=fastgate --mode=0700 /var/lib/fastgate/data
COPY --from=build /opt/fastgate /opt/fastgate
COPY deploy/healthcheck.py /opt/fastgate/healthcheck.py
ENV PATH=/opt/fastgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FASTGATE_SERVER__HOST=0.0.0.0 \
    FASTGATE_SERVER__PORT=8080 \
    FASTGATE_DATA_DIR=/var/lib/fastgate/data
USER fastgate
WORKDIR /var/lib/fastgate
VOLUME /var/lib/fastgate/data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "/opt/fastgate/healthcheck.py"]
ENTRYPOINT ["fastgate"]
CMD ["serve"]
