"""A web service that says who may connect, as tests want it: one answer for each user name."""

import http.server
import json
import ssl
import threading


class Hook:
    """Answers POST by `answers[user name]`: a JSON value, bytes, an HTTP status, "hang" (until `free`
    is set) or "hang up". What it was asked is in `asked`, its connections are counted."""

    def __init__(self, cert=None):
        self.answers, self.asked, self.connections = {}, [], 0
        self.free, self.lock = threading.Event(), threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                with hook.lock:
                    hook.connections += 1
                super().setup()

            def do_POST(self):
                hook.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # whoever hangs up does it on purpose

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, cert))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.scheme = "https" if cert else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def url(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}/login"

    def serve(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        with self.lock:
            self.asked.append((body, request.headers, request.path))
            answer = self.answers.get(body["username"], {"result": "ignore"})
        if answer == "hang":
            self.free.wait(60)
            answer = {"result": "allow"}
        if answer == "hang up":
            request.close_connection = True
            return
        status, content = 200, answer
        if isinstance(answer, int):
            status, content = answer, b"{}"
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        request.send_response(status)
        if 300 <= status < 400:
            request.send_header("Location", self.url())
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def count(self):
        with self.lock:
            return len(self.asked)

    def close(self):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()
