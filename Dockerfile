FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /build
COPY pyproject.toml setup.py README.md LICENSE ./
COPY sipagent ./sipagent
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
WORKDIR /srv/sipagent
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps /tmp/wheels/*.whl && rm -r /tmp/wheels \
    && useradd --system --create-home --home-dir /var/lib/sipagent sipagent
COPY sipagent.example.yaml ./sipagent.yaml
COPY dialplans ./dialplans
COPY tools ./tools
RUN chown -R sipagent: /srv/sipagent
USER sipagent
STOPSIGNAL SIGTERM
ENTRYPOINT ["sipagent"]
CMD ["serve"]
