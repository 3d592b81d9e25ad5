# Built from the lock files alone: what is installed was named with its hash, and nothing is compiled.
#
#   docker build -t REGISTRY/inference-operator:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /src

# The dependencies, in a layer that changes only with the lock.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/inference-operator \
 && python -m pip --python /opt/inference-operator install --no-compile --require-hashes -r requirements.lock

# The build backend and its dependencies, in an environment that is thrown away.
COPY requirements-dev.lock ./
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/[^\\]$/p' requirements-dev.lock > requirements-build.lock \
 && python -m venv --without-pip /opt/build \
 && python -m pip --python /opt/build install --no-compile --require-hashes -r requirements-build.lock

# Byte code is written here, as the root file system is read-only later; hashes in it instead of times make every build the same.
# -f: pip, run by this Python, imports some of what is installed, and leaves byte code with times.
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN /opt/build/bin/python -m hatchling build --target wheel --directory dist \
 && python -m pip --python /opt/inference-operator install --no-compile --no-deps --no-index dist/*.whl \
 && /opt/inference-operator/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/inference-operator/lib

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="inference-operator" \
      org.opencontainers.image.description="Kubernetes operator for Elasticsearch inference endpoints and ingest pipelines" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/inference-operator /opt/inference-operator
# USER and HOME: the process may run under a uid that no /etc/passwd knows, and Python asks there unless these are set.
ENV PATH=/opt/inference-operator/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 USER=inference-operator HOME=/nonexistent
USER 65532:65532
ENTRYPOINT ["inference-operator"]
CMD ["run"]
