# nginx with this project's njs and pages, for the configuration that TorchServe's image renders (docs/containers.md).
# Build it with `make images`, from the top of the clone.
ARG NGINX_IMAGE

# What nginx serves and runs, without the types and tools of those who change it.
FROM ${NGINX_IMAGE} AS files
WORKDIR /opt/emotions/proxy
COPY proxy/njs/ njs/
COPY proxy/pages/ pages/
RUN rm -f njs/*.d.ts && chmod -R a+rX .

FROM ${NGINX_IMAGE}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="emotion-proxy" \
      org.opencontainers.image.description="The API of nine face-emotion classifiers, before TorchServe" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /opt/emotions
COPY --from=files /opt/emotions/proxy/ proxy/
COPY models.json ./
COPY deploy/images/empty/ model_store/
COPY --chown=10001:10001 deploy/images/empty/ /run/emotions/
USER 10001:10001
VOLUME ["/run/emotions"]
EXPOSE 8000
# nginx finishes its requests first.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["sh", "-c", "curl -fsSko /dev/null http://127.0.0.1:${PORT:-8000}/api/v1/health/live || curl -fsSko /dev/null https://127.0.0.1:${PORT:-8000}/api/v1/health/live"]
# Not the entry point of nginx's image, which changes files below /etc.
# One that was killed leaves its socket behind, on which nginx could not listen again.
ENTRYPOINT ["sh", "-c", "rm -f /run/emotions/nginx/*.sock; exec nginx -p /run/emotions/nginx/ -c /run/emotions/nginx/nginx.conf -e /run/emotions/logs/proxy-error.log \"$@\"", "nginx"]
CMD []
