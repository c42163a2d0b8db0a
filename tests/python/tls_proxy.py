"""tls_proxy.py CERTIFICATE KEY PORT [client_ca=FILE] [newest=TLSv1_1]: TLS on a port that it prints, in front of PORT
of this machine, until stdin ends.

One line for each thing that happens: "open VERSION CLIENT" (the common name of the client's certificate, or "-"),
"refused REASON" for a handshake that fails, "closed" for a connection that ends.
"""

import select
import socket
import ssl
import sys
import threading
import warnings

certificate, key, port, *options = sys.argv[1:]
options = dict(option.split("=", 1) for option in options)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if "client_ca" in options:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(options["client_ca"])
if "newest" in options:
    warnings.simplefilter("ignore", DeprecationWarning)  # of what is asked for
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion[options["newest"]]
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # OpenSSL's own default has nothing for TLS 1.1


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def name(tls):
    subject = (tls.getpeercert() or {}).get("subject", ())
    return next((value for part in subject for field, value in part if field == "commonName"), "-")


def pump(tls, upstream):
    while True:
        ready = [tls] if tls.pending() else select.select([tls, upstream], [], [])[0]
        for source, sink in ((tls, upstream), (upstream, tls)):
            if source in ready:
                data = source.recv(65536)
                if not data:
                    return
                sink.sendall(data)


def serve(client):
    try:
        tls = context.wrap_socket(client, server_side=True)
    except OSError as error:
        say("refused", str(error))
        return
    say("open", tls.version(), name(tls))
    try:
        with tls, socket.create_connection(("127.0.0.1", int(port))) as upstream:
            pump(tls, upstream)
    except OSError:
        pass
    say("closed")


listener = socket.create_server(("127.0.0.1", 0))


def accept():
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
say(str(listener.getsockname()[1]))
sys.stdin.read()
