# SPDX-License-Identifier: Apache-2.0
"""A private httpd and a scripted far end, both on loopback, for one test.

Httpd builds a server root of its own in a temporary directory. A test writes
its few lines with conf() and its documents and scripts with files(); both are
relative to that root, and messages about the configuration name "test.conf"
with the line numbers of the text that the test gave.
"""
import http.server
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

import requests

TOP = Path(__file__).resolve().parents[2]
BUILD = (TOP / os.environ.get("BUILD", "build")).resolve()
MODULE = TOP / os.environ.get("FLOW_MODULE", BUILD / "mod_flow.so")
FLOWCTL = BUILD / "flowctl"
APXS = os.environ.get("APXS", "apxs")

MODULES = ["mpm_event", "authz_core", "authz_host", "authz_user", "authn_core",
           "authn_file", "auth_basic", "unixd", "status", "alias", "dir",
           "mime", "env", "setenvif", "headers", "log_config", "watchdog"]

TROUBLE = re.compile(r"\[\w+:(?:warn|error|crit|alert|emerg)\]")
NEVER = re.compile(r"exit signal (?!Killed)|AddressSanitizer|LeakSanitizer"
                   r"|runtime error: |glibc detected|corrupted|double free")


def apxs(name):
    return subprocess.run([APXS, "-q", name], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, timeout=10.0, what="the condition"):
    """The first true value of condition(); a test fails after timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true in {timeout} s")
        time.sleep(0.02)


class Httpd:
    """Not started by itself: conf(), files(), then check() or start()."""

    program = None      # path of the httpd program, found once
    compiled_in = None  # names of the modules it was linked with

    def __init__(self, extra_modules=()):
        # Not below pytest's tmp_path: that one is closed to www-data.
        self.root = Path(tempfile.mkdtemp(prefix="flow-httpd-"))
        self.root.chmod(0o755)
        self.port = free_port()
        self.env = {}            # added to the server's environment
        self.directives = [      # one per line, before the test's own
            "StartServers 1", "ServerLimit 4", "MinSpareThreads 1",
            "MaxSpareThreads 1000", "ThreadsPerChild 16",
            "MaxRequestWorkers 64",
        ]
        self.state_dir = self.root / "state"
        self.log_file = self.root / "logs" / "error.log"
        self._modules = MODULES + list(extra_modules)
        self._process = None
        self._expected = []
        self._allowed = []
        self._may_crash = False
        self._find_program()
        for name in ("conf", "logs", "run", "htdocs", "state"):
            (self.root / name).mkdir()
        self.user = pwd.getpwnam("www-data") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.state_dir, self.user.pw_uid, self.user.pw_gid)
        (self.root / "conf" / "mime.types").write_text(
            "text/html html\ntext/plain txt\napplication/json json\n")
        self.conf("")

    # --- what the server reads ---------------------------------------------
    def conf(self, text):
        """The test's own configuration, in the main server's context.
        @root@ and @port@ are replaced."""
        text = text.replace("@root@", str(self.root))
        text = text.replace("@port@", str(self.port))
        (self.root / "conf" / "test.conf").write_text(text)
        return self

    def files(self, files):
        """Write {name: text, bytes, or something to turn into JSON}."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, str):
                path.write_text(content)
            else:
                path.write_text(json.dumps(content, indent=2))
        return self

    def writable_dir(self, name):
        """A directory that the server's children may write to."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def _write_main_conf(self):
        modules = Path(apxs("LIBEXECDIR"))
        lines = [f'ServerRoot "{self.root}"',
                 f'DefaultRuntimeDir "{self.root}/run"',
                 f'PidFile "{self.root}/run/httpd.pid"']
        for name in self._modules:
            path = modules / f"mod_{name}.so"
            if name not in self.compiled_in and path.exists():
                lines.append(f'LoadModule {name}_module "{path}"')
        lines.append(f'LoadModule flow_module "{MODULE}"')
        if self.user:
            lines += [f"User {self.user.pw_name}", "Group www-data"]
        lines += [f"Listen 127.0.0.1:{self.port}",
                  f"ServerName 127.0.0.1:{self.port}",
                  f'DocumentRoot "{self.root}/htdocs"',
                  f'ErrorLog "{self.log_file}"',
                  "LogLevel info flow:debug",
                  'TypesConfig "conf/mime.types"',
                  'LogFormat "%h %u \\"%r\\" %>s %b %D" test',
                  f'CustomLog "{self.root}/logs/access.log" test',
                  "Timeout 20", "GracefulShutdownTimeout 10",
                  f'FlowStateDir "{self.state_dir}"']
        lines += self.directives
        lines.append('Include "conf/test.conf"')
        (self.root / "conf" / "httpd.conf").write_text("\n".join(lines) + "\n")

    # --- life ---------------------------------------------------------------
    def check(self, text=None):
        """(exit status, output) of `httpd -t`, the administrator's configtest."""
        if text is not None:
            self.conf(text)
        self._write_main_conf()
        done = subprocess.run(self._command("-t"), env=self._environment(),
                              stdin=subprocess.DEVNULL, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def start(self, text=None):
        if text is not None:
            self.conf(text)
        assert not self.running, "the server is running already"
        self._write_main_conf()
        ready = self._count_ready()
        with open(self.root / "logs" / "stdout", "ab") as out:
            self._process = subprocess.Popen(
                self._command("-DFOREGROUND"), env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)
        self._wait_ready(ready)
        return self

    def graceful(self):
        """Graceful restart; returns when the new generation takes requests."""
        ready = self._count_ready()
        self._process.send_signal(signal.SIGUSR1)
        self._wait_ready(ready)

    def stop(self, timeout=20):
        """Stop as `apachectl stop` does. Harmless when nothing runs."""
        if self._process is None:
            return
        # A child of the event MPM that is told to stop in the very moment in
        # which a worker closes its connection may crash: httpd's own race
        # (2.4.71, seen without our module), which must not hide ours.
        time.sleep(0.1)
        process, children = self._process, self.children()
        self._process = None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            _kill([process.pid] + children)
            process.wait(5)
            raise AssertionError(f"the server did not stop in {timeout} s")
        finally:
            _kill(pid for pid in children if _parent_of(pid) == 1)

    def kill9_child(self):
        """kill -9 of all children; the parent starts new ones."""
        children = self.children()
        _kill(children)
        wait_for(lambda: self.children()
                 and not set(children) & set(self.children()),
                 what="a new child")
        return children

    def kill9_all(self):
        """kill -9 of parent and children at once: the power cut."""
        self.allow_log("AH00098")  # the next start finds the old pid file
        # Nobody is forked while we look who is there.
        self._process.send_signal(signal.SIGSTOP)
        pids = [self._process.pid] + self.children()
        _kill(pids)
        self._process.wait(5)
        self._process = None
        wait_for(lambda: not any(map(_alive, pids)), what="all gone")

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def children(self):
        """Process ids of the children, oldest first."""
        if self._process is None:
            return []
        return [pid for pid in _pids() if _parent_of(pid) == self._process.pid]

    # --- talking to it ------------------------------------------------------
    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def call(self, method, path, **kwargs):
        """One request on a connection of its own, whatever the environment
        says about proxies."""
        kwargs.setdefault("timeout", 30)
        kwargs.setdefault("allow_redirects", False)
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url(path), **kwargs)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, **kwargs):
        return self.call("POST", path, **kwargs)

    def flowctl(self, *args, check=True):
        """Run flowctl on this server's store: (exit status, stdout, stderr);
        stdout alone when it must succeed."""
        done = subprocess.run(
            [str(FLOWCTL), "--state-dir", str(self.state_dir), *map(str, args)],
            cwd=self.root, stdin=subprocess.DEVNULL, text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check:
            assert done.returncode == 0, f"flowctl {args}: {done.stderr}"
            return done.stdout.strip()
        return done.returncode, done.stdout, done.stderr

    # --- the error log is an assertion --------------------------------------
    @property
    def log(self):
        try:
            return self.log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, timeout=10.0):
        return wait_for(lambda: re.search(pattern, self.log), timeout,
                        f"log line '{pattern}'")

    def expect_log(self, *patterns):
        """These message numbers ("FLOW0123") or regular expressions will be in
        the log; the test fails when they are not."""
        self._expected += patterns

    def allow_log(self, *patterns):
        """As expect_log(), but they need not come."""
        self._allowed += patterns

    def expect_crash(self):
        """A child will end by SIGSEGV, and the test wants it to."""
        self.allow_log("AH00051")
        self.expect_log("exit signal Segmentation fault")
        self._may_crash = True

    def verdict(self):
        """What is wrong with the log, as text; empty when all is well."""
        announced = [re.compile(p) for p in self._expected + self._allowed]
        wrong = []
        for line in self.log.splitlines():
            if NEVER.search(line) and not (
                    self._may_crash and "exit signal Segmentation" in line):
                wrong.append("crash: " + line)
            elif TROUBLE.search(line) and not any(
                    p.search(line) for p in announced):
                wrong.append("unannounced: " + line)
        wrong += [f"announced, but not in the log: {p}"
                  for p in self._expected if not re.search(p, self.log)]
        return "\n".join(wrong)

    def destroy(self):
        """Stop and remove everything; FLOW_KEEP=1 leaves the directory."""
        try:
            self.stop()
        finally:
            if os.environ.get("FLOW_KEEP"):
                print("kept", self.root)
            else:
                shutil.rmtree(self.root, ignore_errors=True)

    # --- inside -------------------------------------------------------------
    def _find_program(self):
        if Httpd.program:
            return
        assert MODULE.exists(), f"{MODULE} is not built"
        Httpd.program = os.path.join(apxs("SBINDIR"), apxs("PROGNAME"))
        listed = subprocess.run([self.program, "-l"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        Httpd.compiled_in = set(re.findall(r"mod_(\w+)\.c", listed))

    def _command(self, *args):
        return [self.program, "-d", str(self.root), "-f",
                str(self.root / "conf" / "httpd.conf"), *args]

    def _environment(self):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "LANG": "C.UTF-8", **self.env}
        preload = os.environ.get("FLOW_PRELOAD")
        if preload:
            env["LD_PRELOAD"] = ":".join(
                filter(None, [preload, self.env.get("LD_PRELOAD")]))
            # httpd leaves its own pools to the exit; that is not our leak.
            env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
            env["UBSAN_OPTIONS"] = "print_stacktrace=1"
        return env

    def _count_ready(self):
        return self.log.count("resuming normal operations")

    def _wait_ready(self, before):
        def is_ready():
            if not self.running:
                raise AssertionError("the server did not start:\n"
                                     + self._last_words())
            return self._count_ready() > before and self.children()
        wait_for(is_ready, 20, "the server's start")

    def _last_words(self):
        out = (self.root / "logs" / "stdout").read_text(errors="replace")
        return out[-2000:] + self.log[-2000:]


def _pids():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def _parent_of(pid):
    """Parent's pid; 0 when the process is gone or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    state, parent = stat.rpartition(")")[2].split()[:2]
    return 0 if state in "ZX" else int(parent)


def _alive(pid):
    return _parent_of(pid) != 0


def _kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


# --- the far end -------------------------------------------------------------
class Request:
    """One request as the far end saw it."""

    def __init__(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        self.method = method
        self.target = target
        self.path = url.path
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        self.headers = headers  # case does not matter in headers["name"]
        self.body = body

    def json(self):
        return json.loads(self.body)


class Upstream:
    """A far end with scripted answers that records what it was asked.

    on("POST", "/customers", 201, {"id": 1})        always this answer
    on("GET", "/orders", [(503, ""), (200, [])])    one after the other, the
                                                    last one again and again
    on("GET", "/orders", lambda request: (200, [])) computed; may sleep
    on("GET", "/orders", Upstream.DROP)             hang up without an answer

    An answer is status, body (bytes, str, or JSON) and, if wanted, headers. A
    request that no route knows is answered 404 and makes the test fail.
    """

    DROP = "drop"

    def __init__(self):
        self.requests = []
        self.unexpected = []
        self.connections = 0
        self._routes = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.05},
                                        daemon=True)
        self._thread.start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, method, path, answer, body="", headers=None):
        if isinstance(answer, int):
            answer = (answer, body, headers or {})
        with self._lock:
            self._routes[method, path] = (
                list(answer) if isinstance(answer, list) else [answer])
        return self

    def seen(self, method, path):
        """The recorded requests for one route."""
        with self._lock:
            return [r for r in self.requests
                    if (r.method, r.path) == (method, path)]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request):
        with self._lock:
            self.requests.append(request)
            answers = self._routes.get((request.method, request.path))
            if answers is None:
                self.unexpected.append(f"{request.method} {request.target}")
                return 404, {"message": "no such route in this test"}, {}
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        if answer == self.DROP:
            return None
        status, body, *rest = answer
        return status, body, rest[0] if rest else {}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that hangs up is part of some tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.upstream._lock:
            self.server.upstream.connections += 1

    def _read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def _serve(self):
        request = Request(self.command, self.path, self.headers,
                          self._read_body())
        answer = self.server.upstream.answer(request)
        if answer is None:
            self.close_connection = True
            return
        status, body, headers = answer
        headers = dict(headers)
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, one)
        if status != 204 and "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *args):
        """The requests are recorded; nothing goes to stderr."""
