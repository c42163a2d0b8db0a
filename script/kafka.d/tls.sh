# Certificates for a broker with security; sourced by script/kafka.

certificates() { # DIR: ca.pem, server.pem (key and certificate), client.pem and client.key, stranger.pem (another CA)
  mkdir -p "$1"
  (
    cd "$1"
    authority() { # NAME
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"
    }
    signed() { # NAME EXTENSION
      openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
      openssl x509 -req -days 2 -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -extfile <(echo "$2") -out "$1.pem"
    }
    authority ca
    authority stranger
    signed server "subjectAltName=DNS:localhost,IP:127.0.0.1"
    cat server.key >>server.pem # as Kafka wants it: PKCS#8, and both in one file
    signed client "extendedKeyUsage=clientAuth"
  ) >"$1/log" 2>&1 || { tail -n 3 "$1/log" >&2; fail "openssl makes no certificates"; }
}
