# aggregator in a container: the home is /home/aggregator/news, a volume. See compose.yaml; docs/configuration.md has the settings.

FROM python:3.11-slim AS build
# Such as [postgres] or [postgres,notify].
ARG EXTRAS=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY aggregator aggregator
RUN python -m venv /opt/aggregator \
 && /opt/aggregator/bin/pip install --no-cache-dir --disable-pip-version-check ".${EXTRAS}"

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --create-home aggregator \
 && install -d -o aggregator -g aggregator -m 0700 /home/aggregator/news
COPY --from=build /opt/aggregator /opt/aggregator
ENV PATH=/opt/aggregator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AGGREGATOR_HOME=/home/aggregator/news \
    AGGREGATOR__WEB__HOST=0.0.0.0 \
    AGGREGATOR__WEB__PORT=8080 \
    AGGREGATOR__DAEMON__HANG=5m
USER 10001:10001
WORKDIR /home/aggregator/news
VOLUME /home/aggregator/news
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1m --timeout=15s --start-period=5m --retries=3 CMD ["aggregator", "health"]
ENTRYPOINT ["aggregator"]
CMD ["run"]
