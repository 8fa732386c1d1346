"""A bare FastAPI endpoint that answers POST /predict with a constant: python -m benchmarks.constant PORT BYTES"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI, Response


def application(size: int) -> FastAPI:
    """An application whose one answer has so many bytes."""
    app, constant = FastAPI(), b'"' + b"x" * (size - 2) + b'"'

    @app.post("/predict")
    async def predict() -> Response:
        return Response(constant, media_type="application/json")

    return app


if __name__ == "__main__":
    port, size = (int(word) for word in sys.argv[1:])
    uvicorn.run(application(size), port=port, log_level="warning", server_header=False)
