# SPDX-License-Identifier: Apache-2.0
"""A far end that misbehaves, in a process of its own; below the level at which
a server library would put things right.

The path says how: see ROUTES. Prints its port, serves until its standard input
is closed. GET /seen answers the paths that were asked for, in order.
"""
import json
import socket
import sys
import threading
import time
import zlib
from email.utils import formatdate

SEEN = []
LOCK = threading.Lock()
ROUTES = {}


def route(path):
    def add(fn):
        ROUTES[path] = fn
        return fn
    return add


class Call:
    """One request and the socket that its answer goes to."""

    def __init__(self, sock, method, target, headers, body):
        self.sock, self.method, self.headers = sock, method, headers
        self.path, _, query = target.partition("?")
        self.query = dict(p.partition("=")[::2] for p in query.split("&") if p)
        self.body = body
        with LOCK:
            self.nth = sum(1 for s in SEEN if s.split("?")[0] == self.path)
            SEEN.append(target)

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def answer(self, status, body, *headers, kind="application/json"):
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        if kind:
            lines.append(f"Content-Type: {kind}")
        self.send("\r\n".join(lines + list(headers)) + "\r\n\r\n")
        self.send(body)
        return True


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@route("/seen")
def seen(c):
    with LOCK:
        return c.answer(200, SEEN[:-1])


@route("/slow")           # longer than FlowScriptTimeout 1
def slow(c):
    time.sleep(2)
    return c.answer(200, [{"id": 1}])


@route("/drip")           # a byte now and then, for ever
def drip(c):
    c.send(HEAD + "Content-Length: 100000\r\n\r\n")
    for _ in range(1000):
        c.send(" ")
        time.sleep(0.2)


@route("/cut")            # in the middle of the body, always
def cut(c):
    c.send(HEAD + "Content-Length: 100\r\n\r\n[{\"id\":")


@route("/cut-once")
def cut_once(c):
    if c.nth == 0:
        return cut(c)
    return c.answer(200, [{"id": 1}])


@route("/cut-head")       # in the middle of the headers
def cut_head(c):
    c.send("HTTP/1.1 200 OK\r\nContent-Ty")


@route("/long-lie")       # says less than it sends
def long_lie(c):
    c.send(HEAD + "Content-Length: 10\r\n\r\n[{\"id\":1}]HTTP/1.1 200 OK\r\n"
           "Content-Length: 2\r\n\r\n[]")
    return True


@route("/two-lengths")
def two_lengths(c):
    c.send(HEAD + "Content-Length: 10\r\nContent-Length: 4\r\n\r\n[{\"id\":1}]")


@route("/chunked")
def chunked(c):
    c.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n")
    for part in ("[", '{"id"', ":1}", "]"):
        c.send(f"{len(part):x};x=y\r\n{part}\r\n")
        time.sleep(0.02)
    c.send("0\r\nX-Trailer: 1\r\n\r\n")
    return True


@route("/chunk-lie")      # a size that is none
def chunk_lie(c):
    c.send(HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n")


@route("/chunk-cut")      # no last chunk
def chunk_cut(c):
    c.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n")


@route("/not-http")
def not_http(c):
    c.send("220 mail.example.com ESMTP\r\n")


@route("/html")           # what proxies say while something is broken
def html(c):
    return c.answer(200, "<html><body>Sorry</body></html>",
                    kind="text/html")


@route("/html-as-json")
def html_as_json(c):
    return c.answer(200, "<html>Sorry</html>")


@route("/no-type")
def no_type(c):
    return c.answer(200, ' \n[{"id": 1}]', kind=None)


@route("/json-as-text")
def json_as_text(c):
    return c.answer(200, [{"id": 1}], kind="text/plain")


@route("/bom")
def bom(c):
    return c.answer(200, b'\xef\xbb\xbf[{"id": 1}]')


@route("/half-json")
def half_json(c):
    return c.answer(200, '[{"id": 1}')


@route("/empty")
def empty(c):
    return c.answer(200, "")


@route("/error-200")
def error_200(c):
    return c.answer(200, {"status": "error", "message": "no such shop",
                          "list": []})


@route("/away")           # to another host: credentials stay here
def away(c):
    return c.answer(302, "", "Location: " + c.query["to"])


@route("/inner")          # where only trust leads
def inner(c):
    return c.answer(200, [{"secret": "inner"}])


@route("/echo")
def echo(c):
    return c.answer(200, [{"authorization": c.headers.get("authorization")}])


@route("/around")         # a redirect to itself
def around(c):
    return c.answer(302, "", "Location: /around")


@route("/bomb")           # 1 GB of blanks in a megabyte
def bomb(c):
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    c.send(HEAD + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n")
    for _ in range(1024):
        c.send(press.compress(block))
    c.send(press.flush())


@route("/bad-gzip")
def bad_gzip(c):
    c.send(HEAD + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain")


@route("/2gb")            # announced
def two_gb(c):
    c.send(HEAD + f"Content-Length: {2 << 30}\r\n\r\n")
    flood(c)


@route("/flood")          # not announced
def flood_route(c):
    c.send(HEAD + "Connection: close\r\n\r\n")
    flood(c)


def flood(c):
    block = b" " * (1 << 20)
    for _ in range(2048):
        c.send(block)


@route("/headers")        # more than anybody wants
def headers(c):
    c.send(HEAD)
    for n in range(100000):
        c.send(f"X-{n}: {'y' * 100}\r\n")


# --- too many requests, said in every way there is ---------------------------
def http_date(style, seconds):
    t = time.gmtime(time.time() + seconds)
    return time.strftime({
        "imf": "%a, %d %b %Y %H:%M:%S GMT",
        "rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
        "asctime": "%a %b %e %H:%M:%S %Y"}[style], t)


WAITS = {
    "1": lambda: "1", "0.4": lambda: "0.4", " 1 ": lambda: " 1 ",
    "imf": lambda: http_date("imf", 2),
    "rfc850": lambda: http_date("rfc850", 2),
    "asctime": lambda: http_date("asctime", 2),
    "epoch": lambda: str(int(time.time()) + 2),
    "millis": lambda: str(int((time.time() + 1) * 1000)),
    # no use; then there is a wait all the same
    "0": lambda: "0", "-5": lambda: "-5", "soon": lambda: "soon",
    "1e3": lambda: "1e3", "past": lambda: http_date("imf", -3600),
    "1;x": lambda: "1;x", "1.": lambda: "1.", ".": lambda: ".",
    "": lambda: None,
}
TIMES = {}


@route("/limited")
def limited(c):
    how = c.query["how"]
    with LOCK:
        TIMES.setdefault(how, []).append(time.time())
        first = len(TIMES[how]) == 1
    if not first:
        return c.answer(200, [{"waited": TIMES[how][1] - TIMES[how][0]}])
    value = WAITS[how.replace("%20", " ").replace("%3B", ";")]()
    extra = [f"Date: {formatdate(usegmt=True)}"]
    if value is not None:
        extra.append(f"Retry-After: {value}")
    return c.answer(429, {"error": "slow down"}, *extra)


# --- pages that go nowhere ----------------------------------------------------
@route("/same-token")
def same_token(c):
    return c.answer(200, {"list": [{"id": c.nth}], "next": "abc"})


@route("/token-circle")
def token_circle(c):
    n = "abc".find(c.query.get("t") or "c")
    return c.answer(200, {"list": [{"id": c.nth}], "next": "abc"[(n + 1) % 3]})


@route("/last-for-ever")  # shows its last page, whatever is asked for
def last_for_ever(c):
    page = min(int(c.query.get("p", 0)), 2)
    return c.answer(200, {"list": [{"id": page}], "asked": c.query.get("p")})


@route("/pages")          # no end to them, and they take their time
def pages(c):
    time.sleep(0.2)
    return c.answer(200, [{"id": c.query["p"]}])


@route("/link-circle")
def link_circle(c):
    other = "b" if c.query.get("at", "a") == "a" else "a"
    return c.answer(200, [{"id": c.nth}],
                    f'Link: </link-circle?at={other}>; rel="next"')


@route("/link-away")
def link_away(c):
    return c.answer(200, [{"id": c.nth}],
                    'Link: <http://elsewhere.example/steal>; rel="next"')


# --- serving ------------------------------------------------------------------
def read_request(sock, buffered):
    data = buffered
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    fields = {k.strip().lower(): v.strip() for k, _, v in
              (line.partition(":") for line in lines[1:])}
    size = int(fields.get("content-length", 0))
    while len(rest) < size:
        rest += sock.recv(65536)
    return Call(sock, method, target, fields, rest[:size]), rest[size:]


def serve(sock):
    rest = b""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            call, rest = read_request(sock, rest)
            if call is None:
                return
            fn = ROUTES.get(call.path)
            if not fn:
                call.answer(404, {"message": "no such route"})
            elif not fn(call):
                return
    except OSError:
        pass
    finally:
        sock.close()


def main():
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(server.getsockname()[1], flush=True)

    def accept():
        while True:
            sock, _ = server.accept()
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
