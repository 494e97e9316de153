"""An S3 of two regions over HTTP that checks signatures, as the real one does and the emulator does not."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOME, ELSEWHERE = "us-east-1", "eu-west-3"
OWNER = "111122223333"
SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/s3/")
SIGNED = re.compile(r"SignedHeaders=([a-z0-9;-]+)")
OWNER_HEADER = "x-amz-expected-bucket-owner"
LISTING = """<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a/1</Key><Size>1</Size>
    <LastModified>2026-11-20T10:00:00Z</LastModified><ETag>"e"</ETag></Contents></ListBucketResult>"""
VERSIONS = """<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>a/1</Key>
    <VersionId>null</VersionId><Size>1</Size><LastModified>2026-11-20T10:00:00Z</LastModified><ETag>"e"</ETag>
    </Version></ListVersionsResult>"""
REDIRECT = "<Error><Code>PermanentRedirect</Code><Message>use the specified endpoint</Message></Error>"
MALFORMED = f"""<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is
    malformed; the region '{HOME}' is wrong; expecting '{ELSEWHERE}'</Message><Region>{ELSEWHERE}</Region>
    </Error>"""
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
UNSIGNED = (
    "<Error><Code>AccessDenied</Code>"
    "<Message>There were headers present which were not signed</Message></Error>"
)


class RegionalS3(ThreadingHTTPServer):
    """Buckets answer by their names: `home`, `moved-301`, `moved-400`, `nameless`, `private`.

    All except `home` and `private` are elsewhere: `moved-301` answers 301 with its region in a header,
    `moved-400` 400 with its region in the body, `nameless` only 301. OWNER owns all of them; `private`
    refuses everyone.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.asked: Counter[tuple[str, str, str]] = Counter()
        """How often each method was asked of each bucket in each region."""


class Answering(BaseHTTPRequestHandler):
    server: RegionalS3

    def do_GET(self) -> None:
        bucket = urlsplit(self.path).path.split("/")[1]
        region = self._scope()
        self.server.asked[self.command, bucket, region] += 1
        if bucket in {"moved-301", "moved-400", "nameless"} and region != ELSEWHERE:
            self._redirect(bucket)
        elif bucket == "private" or self.headers.get(OWNER_HEADER, OWNER) != OWNER:
            self._answer(403, DENIED)
        elif OWNER_HEADER in self.headers and OWNER_HEADER not in self._signed():
            self._answer(403, UNSIGNED)
        else:
            self._answer(200, self._body(), {"x-amz-bucket-region": region} if bucket != "nameless" else None)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _scope(self) -> str:
        found = SCOPE.search(self.headers.get("Authorization", ""))
        return found[1] if found else ""

    def _signed(self) -> list[str]:
        found = SIGNED.search(self.headers["Authorization"])
        return found[1].split(";") if found else []

    def _redirect(self, bucket: str) -> None:
        if bucket == "moved-400":
            self._answer(400, MALFORMED, {"x-amz-bucket-region": ELSEWHERE})
        else:
            named = {} if bucket == "nameless" else {"x-amz-bucket-region": ELSEWHERE}
            self._answer(301, REDIRECT, named)

    def _body(self) -> str:
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return LISTING if "list-type" in asked else VERSIONS if "versions" in asked else "x"

    def _answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        pass


@contextmanager
def regional_s3() -> Iterator[RegionalS3]:
    """The server, on a free port of 127.0.0.1."""
    with RegionalS3() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
