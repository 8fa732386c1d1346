# One image for the service, the dashboard, the Dask scheduler and its workers; compose.yaml starts them.
# Debian's release is named, as the packages of the lock are tested on it.
FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY requirements.txt ./
# Wheels only, so that no compiler is needed here. The project itself is copied below, not installed. TensorFlow's
# headers (430 MB) would serve to build operations for it.
RUN python -m venv --without-pip /opt/venv \
    && grep -v '^-e' requirements.txt > lock.txt \
    && python -m pip --python /opt/venv install --no-cache-dir --only-binary :all: --requirement lock.txt \
    && rm -r /opt/venv/lib/python3.11/site-packages/tensorflow/include

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin forecast \
    && install --directory --owner forecast --group forecast /app/.cache /app/outputs
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY LICENSE pyproject.toml run_all.py ./
COPY params params
COPY notebooks notebooks
COPY lib lib
RUN /opt/venv/bin/python -m compileall -q lib
# All that is written goes to /app/.cache (a volume: trainings, networks, prices), /app/outputs and /tmp; the rest may
# be mounted read-only. The service listens on every address of the container and therefore asks for SERVICE_TOKEN.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    SERVICE_HOST=0.0.0.0
USER 10001:10001
EXPOSE 5000
# Under a name to which the service answers. http.client asks no proxy that the environment may name.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys; \
at = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SERVICE_PORT') or 5000), timeout=5); \
name = (os.environ.get('ALLOWED_HOSTS') or 'localhost').split(',')[0].strip(); \
at.request('GET', '/health', headers={'Host': name}); \
sys.exit(at.getresponse().status != 200)"]
CMD ["python", "-m", "lib.app.service"]
