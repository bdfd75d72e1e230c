#!/usr/bin/env bash
# usage: smtp.sh STATE PORT [tls]
# aiosmtpd, a mail server, on 127.0.0.1:PORT (TCP), in the foreground. It keeps what it takes:
# STATE/mail/N.eml, counted from 1, with the recipients of the envelope in X-RcptTo.
#
# tls   STARTTLS is needed, and user "utakata" with password "secret"; the certificate is its own,
#       for 127.0.0.1: STATE/server.crt
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: smtp.sh STATE PORT [tls]"
need alerts "$TOOLS/alerts/bin/python" openssl ss
STATE=$(state_directory "$1")
PORT=$2
mkdir -p "$STATE/mail"

[ -e "$STATE/server.crt" ] ||
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=mail" -addext "subjectAltName=IP:127.0.0.1" \
        -addext "basicConstraints=critical,CA:FALSE" \
        -keyout "$STATE/server.key" -out "$STATE/server.crt" 2>/dev/null

cat >"$STATE/server.py" <<'SERVER'
import asyncio, pathlib, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

state, port, is_tls = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["tls"]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(state / "server.crt", state / "server.key")


class Keep:
    async def handle_DATA(self, server, session, envelope):
        number = 1 + len(list((state / "mail").glob("*.eml")))
        part = state / "mail" / f"{number}.part"
        to = ", ".join(envelope.rcpt_tos).encode()
        part.write_bytes(b"X-RcptTo: " + to + b"\r\n" + envelope.content)
        part.rename(part.with_suffix(".eml"))
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"utakata", b"secret")
    return AuthResult(success=is_known, handled=False)


def session():
    if not is_tls:
        return SMTP(Keep(), hostname="mail")
    return SMTP(Keep(), hostname="mail", tls_context=context, require_starttls=True,
                authenticator=authenticate, auth_required=True)


async def main():
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main())
SERVER

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve answers "tcp 127.0.0.1:$PORT" \
    "$TOOLS/alerts/bin/python" "$STATE/server.py" "$STATE" "$PORT" "${@:3}"
