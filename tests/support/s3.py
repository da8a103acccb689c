"""An S3 server on loopback with one bucket, which a test can stop and start again."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from moto.server import ThreadedMotoServer

from tests.support.project import run_command
from tests.support.servers import find_free_port

BUCKET = "second-look"
SECRET = secrets.token_hex(16)  # has to be found nowhere
S3_VARIABLES = {  # of whoever uses the server
    "AWS_ACCESS_KEY_ID": "second-look-test",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
}


class S3Server:
    """A server that runs in a thread; its objects outlive a stop."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.start()

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, at the same address each time."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.stop()

    def create_bucket(self) -> None:
        """Make the bucket; what tests before left in this process is gone."""
        import boto3

        requests.post(f"{self.endpoint}/moto-api/reset", timeout=60).raise_for_status()
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=S3_VARIABLES["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=SECRET,
            region_name=S3_VARIABLES["AWS_DEFAULT_REGION"],
        )
        client.create_bucket(Bucket=BUCKET)


@contextmanager
def run_s3() -> Iterator[S3Server]:
    """Start a server with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = S3Server()
    try:
        server.create_bucket()
        yield server
    finally:
        server.stop()


def add_s3_remote(project: Path, server: S3Server, bucket: str = BUCKET) -> None:
    """Make a bucket the project's DVC remote; who uses it needs S3_VARIABLES."""
    run_command(project, "dvc", "remote", "add", "--force", "--default", "s3", f"s3://{bucket}/dvc")
    run_command(project, "dvc", "remote", "modify", "s3", "endpointurl", server.endpoint)
