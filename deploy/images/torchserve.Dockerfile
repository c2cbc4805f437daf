# TorchServe with what its workers compute with. Build it with `make images`, from the top of the clone (docs/containers.md).
ARG PYTHON_IMAGE
ARG NGINX_IMAGE

# Which nginx the proxy's image has: the configuration is rendered here, and depends on its version and modules.
FROM ${NGINX_IMAGE} AS nginx
RUN { echo '#!/bin/sh'; echo "cat >&2 <<'END'"; nginx -V 2>&1; echo END; } > /nginx-version && chmod 755 /nginx-version

FROM ${PYTHON_IMAGE} AS packages
# cpu: what a host needs that only serves. cuda: PyTorch too, whose packages bring CUDA, for archives of RUNTIME=torch.
ARG DEVICE=cpu
# For a build without an index: a folder of wheels that is mounted.
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/emotions
COPY requirements.txt ./
COPY requirements/serve.txt requirements/transfer.txt requirements/
RUN python3 -m venv .venv \
    && case "${DEVICE}" in cpu) list=requirements/serve.txt ;; cuda) list=requirements.txt ;; *) list="DEVICE=${DEVICE}" ;; esac \
    && .venv/bin/pip install --quiet --requirement "${list}" --requirement requirements/transfer.txt \
    && .venv/bin/pip uninstall --quiet --yes pip setuptools
COPY config.properties pyproject.toml models.json ./
COPY monitoring/log4j2.xml monitoring/
COPY scripts/ scripts/
RUN .venv/bin/python -m scripts.torchserve.class_data

FROM ${PYTHON_IMAGE}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="emotion-torchserve" \
      org.opencontainers.image.description="Nine face-emotion classifiers on TorchServe" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /opt/emotions
COPY --from=nginx /nginx-version ./
COPY --from=nginx /usr/lib/nginx/modules/ngx_http_js_module.so /usr/lib/nginx/modules/
COPY --from=packages /opt/emotions/ ./
COPY proxy/ proxy/
# Archives come from a volume; ARCHIVES=model_store takes those of the clone into the image.
ARG ARCHIVES=deploy/images/empty
COPY ${ARCHIVES}/ model_store/
COPY --chown=10001:10001 deploy/images/empty/ /run/emotions/
ENV PATH=/opt/emotions/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SERVE_ONLY=1 \
    RUN_DIR=/run/emotions \
    NGINX=/opt/emotions/nginx-version
USER 10001:10001
VOLUME ["/run/emotions"]
# Any answer is a sign of life, as it is to the supervisor; which models are READY, the proxy says.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('INFERENCE_PORT') or 8080), timeout=4); c.request('GET', '/ping'); c.getresponse()"]
ENTRYPOINT ["python", "-m", "scripts.stack"]
CMD ["torchserve"]
