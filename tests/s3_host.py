"""A real S3 on this machine: moto's server, in the tests' own process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import httpx
import pytest


@dataclass(frozen=True)
class S3Host:
    """What holds the objects; the environment is what every library of S3's looks at."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Endpoint and credentials, in S3's own variables; nothing of this machine's besides."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Make a bucket with some objects."""
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="somebody",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket=bucket)
        for key, data in objects.items():
            client.put_object(Bucket=bucket, Key=key, Body=data)
        client.close()


@contextmanager
def s3_host() -> Iterator[S3Host]:
    """A server with no bucket, on a free port of loopback; skips where moto is not installed."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    quiet = logging.getLogger("werkzeug")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # What it holds outlives it: it is of the process, and of the file that ran before.
        httpx.post(f"http://{host}:{port}/moto-api/reset", timeout=60).raise_for_status()
        yield S3Host(f"http://{host}:{port}")
    finally:
        server.stop()
        quiet.setLevel(level)
