"""The service's settings, from the environment and the file ``.env``, all checked at start (Listings 8 and 9)."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lib.data.market.sources import SOURCES
from lib.errors import ProjectError
from lib.settings.places import PROJECT_ROOT, resolve

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")


class EnvironmentError(ProjectError):
    """The service cannot be started with these settings: a sentence for each that is wrong."""


def _words(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


class ServiceSettings(BaseSettings):
    """Each field is a variable of the environment by its name in capitals."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_ROOT / ".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    service_host: str = Field("127.0.0.1", description="address to listen on; another than loopback needs a token")
    service_port: int = Field(5000, ge=1, le=65535, description="port, 1 to 65535")
    service_token: str = Field("", description="what a client must send, at least 16 characters; empty: none is needed")
    cors_origins: Words = Field(
        (), description="origins of web pages that may ask, comma-separated, such as http://localhost:3000"
    )
    allowed_hosts: Words = Field(LOOPBACK, description="names under which clients reach the service, comma-separated")
    root_path: str = Field("", description="sub-path under which a proxy serves it, such as /forecast; empty: none")
    redis_url: str = Field("", description="a Redis shared by several processes, such as redis://localhost:6379/0")
    dask_scheduler_address: str = Field("", description="a Dask cluster, such as tcp://10.0.0.5:8786; empty: none")
    price_sources: Words = Field(
        ("yahoo", "sample"), description=f"where prices may come from, of {', '.join(SOURCES)}"
    )
    price_folder: str = Field("", description="folder of price files, which source folder needs")
    service_folder: Path = Field(Path(".cache/service"), description="where trained networks are recorded")
    max_request_bytes: int = Field(65536, ge=1024, le=10**7, description="largest request, 1024 to 10000000 bytes")
    max_running_trainings: int = Field(2, ge=1, le=1000, description="trainings at the same time, 1 to 1000")
    max_epochs: int = Field(1000, ge=1, le=1000, description="most epochs of a training, 1 to 1000")
    requests_per_minute: int = Field(240, ge=1, le=10**6, description="of each client address, 1 to 1000000")
    price_cache_seconds: float = Field(
        3600, ge=0, le=10**7, description="how long prices are kept, 0 to 10000000 seconds"
    )
    prediction_cache_seconds: float = Field(
        86400, ge=0, le=10**7, description="how long forecasts are kept, 0 to 10000000 seconds"
    )
    workers: int = Field(2, ge=1, le=64, description="worker processes on this machine, 1 to 64")

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("every origin is named: http:// or https://, a host, a port if needed; * is not allowed")
        return value

    @field_validator("price_sources")
    @classmethod
    def _sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(SOURCES):
            raise ValueError(f"one or more of {', '.join(SOURCES)}")
        return value

    @field_validator("service_token")
    @classmethod
    def _token(cls, value: str) -> str:
        if value and (len(value) < 16 or not value.isascii() or not value.isprintable() or " " in value):
            raise ValueError("at least 16 printable ASCII characters without spaces")
        return value

    @field_validator("root_path")
    @classmethod
    def _path(cls, value: str) -> str:
        if value and not re.fullmatch(r"(/[\w.-]+)+", value):
            raise ValueError("a slash and a name, such as /forecast, without a slash at the end")
        return value

    @field_validator("service_folder", mode="after")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        return resolve(value)

    @model_validator(mode="after")
    def _safe(self) -> ServiceSettings:
        if not self.service_token and not is_loopback(self.service_host):
            raise ValueError(
                f"SERVICE_HOST is {self.service_host}, which others can reach, and there is no SERVICE_TOKEN. Set"
                " one of at least 16 characters, or listen on 127.0.0.1"
            )
        if "folder" in self.price_sources and not self.price_folder:
            raise ValueError("PRICE_SOURCES names folder, but PRICE_FOLDER is empty. Name the folder, or leave it out")
        return self


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(**given: Any) -> ServiceSettings:
    """The settings in force.

    Args:
        given: fields that win over the environment, as the command line gives them.

    Raises:
        EnvironmentError: a sentence for each that is wrong; the token's value is not repeated.
    """
    try:
        return ServiceSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise EnvironmentError("\n".join(_sentence(e) for e in error.errors())) from None


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if name not in ServiceSettings.model_fields:
        return str(error["ctx"]["error"]) if "ctx" in error else str(error["msg"])
    shown = "its value" if name == "service_token" else repr(error["input"])[:60]
    rule = error["ctx"]["error"] if error["type"] == "value_error" else ServiceSettings.model_fields[name].description
    return f"{name.upper()}: {shown} is not allowed. Allowed: {rule}."
