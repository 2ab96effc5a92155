# syntax=docker/dockerfile:1
# What is to be run is in docker/*.sh, which CI runs too: it has no engine to build an image with.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS wheel
RUN --mount=type=bind,source=docker,target=/docker /docker/compiler.sh
RUN --mount=type=bind,target=/context /context/docker/wheel.sh /context /wheels

FROM python:${PYTHON}-slim AS environment
RUN --mount=type=bind,target=/context --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    /context/docker/environment.sh /wheels/fastgate-*.whl /context/constraints.txt /opt/fastgate

FROM python:${PYTHON}-slim
RUN --mount=type=bind,source=docker,target=/docker /docker/system.sh /var/lib/fastgate/data
COPY --from=environment /opt/fastgate /opt/fastgate
ENV PATH=/opt/fastgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FASTGATE_SERVER__HOST=0.0.0.0 \
    FASTGATE_SERVER__PORT=8080 \
    FASTGATE_DATA_DIR=/var/lib/fastgate/data
WORKDIR /var/lib/fastgate
VOLUME /var/lib/fastgate/data
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["fastgate", "health"]
ENTRYPOINT ["fastgate"]
CMD ["serve"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="fastgate" \
      org.opencontainers.image.description="An OpenAI-compatible gateway in front of every LLM provider" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
