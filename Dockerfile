FROM python:3.11-slim-bookworm
WORKDIR /srv/sipagent
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY sipagent ./sipagent
RUN pip install --no-cache-dir --no-deps . \
    && useradd --system --create-home --home-dir /var/lib/sipagent sipagent
COPY sipagent.example.yaml ./sipagent.yaml
COPY dialplans ./dialplans
COPY tools ./tools
RUN chown -R sipagent: /srv/sipagent
USER sipagent
STOPSIGNAL SIGTERM
ENTRYPOINT ["sipagent"]
CMD ["serve"]
