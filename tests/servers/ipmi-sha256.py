"""A BMC with cipher suite 17, made of pyghmi: its server has suite 3 alone, its client both.

usage: ipmi-sha256.py STATE PORT; see ipmi-sha256.sh.
"""

import hashlib
import hmac
import pathlib
import struct
import sys
import types

from pyghmi.ipmi import bmc
from pyghmi.ipmi.private import constants, serversession

STATE = pathlib.Path(sys.argv[1])
PORT = int(sys.argv[2])
SUITE_17 = (3, 4, 1)

# The server asks for SHA-1 by name wherever the suite means its hash.
serversession.hashlib = types.SimpleNamespace(sha1=hashlib.sha256)


class Session(serversession.ServerSession):
    """A session of cipher suite 17."""

    def create_open_session_response(self, request):
        response = super().create_open_session_response(request)
        if tuple(request[at] for at in (12, 20, 28)) != SUITE_17:
            # No cipher suite matches.
            return response[:1] + bytearray([0x11, 0, 0]) + self.clientsessionid
        self.currhashlen = 16
        for at, algorithm in zip((16, 24, 32), SUITE_17):
            response[at] = algorithm
        return response

    def _send_rakp4(self, tagvalue, statuscode):
        payload = bytearray([tagvalue, statuscode, 0, 0]) + self.clientsessionid
        text = bytes(self.Rm + self.managedsessionid + self.uuiddata)
        payload += hmac.new(self.sik, text, hashlib.sha256).digest()[:16]
        self.send_payload(payload, constants.payload_types["rakp4"], retry=False)
        self.confalgo = "aes"
        self.integrityalgo = "sha256"
        self.sequencenumber = 1
        self.sessionid = struct.unpack("<I", bytes(self.clientsessionid))[0]


serversession.ServerSession = Session


def record(number, name, kind, reading, unit=0, m=0, exponent=0, function=0, form=0):
    """A full record (IPMI 2.0, 43.1)."""
    body = [0x20, 0, number, 7, number, 0x7F, 0x40, kind, reading, 0, 0, 0, 0, 0, 0]
    body += [form << 6, unit, 0, function, m & 255, (m >> 8 & 3) << 6, 0, 0, 0]
    body += [(exponent & 15) << 4, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    body += [0xC0 | len(name), *name.encode()]
    return bytes([number, 0, 0x51, 1, len(body), *body])


# The records, and the answers to Get Sensor Reading.
RECORDS = [
    record(1, "Square", 0x01, 1, unit=1, m=1, function=8),
    record(2, "Root", 0x02, 1, unit=4, m=4, function=10),
    record(3, "Below", 0x01, 1, unit=1, m=1, form=2),
    record(4, "Asked", 0x04, 1, unit=18, m=1, function=0x70),
    record(5, "PSU1", 0x08, 0x6F, form=3),
    record(6, "Off", 0x01, 1, unit=1, m=1),
    record(7, "Gone", 0x01, 1, unit=1, m=1),
]
READINGS = {
    1: (6, 0xC0, 0xC0, 0),
    2: (36, 0xC0, 0xC0, 0),
    3: (0xF6, 0xC0, 0xC0, 0),
    4: (50, 0xC0, 0xC0, 0),
    5: (0, 0xC0, 0x03, 0x80),  # present, and failed
    6: (0, 0xE0, 0xC0, 0),  # no reading now
}


class Bmc(bmc.Bmc):
    """The BMC."""

    def order(self, word, power):
        with open(STATE / "orders", "a") as orders:
            orders.write(word + "\n")
        (STATE / "power").write_text(power)

    def get_power_state(self):
        return (STATE / "power").read_text().strip()

    def power_off(self):
        self.order("off", "off")

    def power_on(self):
        self.order("on", "on")

    def power_shutdown(self):
        self.order("soft", "off")

    def power_reset(self):
        self.order("reset", "on")

    def get_boot_device(self):
        return (STATE / "boot").read_text()

    def set_boot_device(self, device):
        (STATE / "boot").write_text(device)

    def handle_raw_request(self, request, session):
        data = request["data"]
        match request["netfn"], request["command"]:
            case 6, 1:  # Get Device ID: with a repository
                answer = [0x20, 0x81, 0x02, 0x37, 0x02, 0x82, 0x57, 1, 0, 0x70, 0]
                session.send_ipmi_response(data=answer)
            case 0x0A, 0x20:  # Get SDR Repository Info
                head = struct.pack("<BHHII", 0x51, len(RECORDS), 0, 7, 7)
                session.send_ipmi_response(data=[*head, 2])
            case 0x0A, 0x22:  # Reserve SDR Repository
                session.send_ipmi_response(data=[1, 0])
            case 0x0A, 0x23:  # Get SDR, 16 bytes at most
                number, offset, count = data[2] + 256 * data[3], data[4], data[5]
                at = max(number, 1) - 1
                if count > 16:
                    return session.send_ipmi_response(code=0xCA)
                following = at + 2 if at + 1 < len(RECORDS) else 0xFFFF
                part = RECORDS[at][offset:offset + count]
                session.send_ipmi_response(data=[*struct.pack("<H", following), *part])
            case 4, 0x2D:  # Get Sensor Reading
                reading = READINGS.get(data[0])
                if reading is None:
                    return session.send_ipmi_response(code=0xCB)
                session.send_ipmi_response(data=list(reading))
            case 4, 0x23:  # Get Sensor Reading Factors: 20 rpm a step
                session.send_ipmi_response(data=[data[1], 20, 0, 0, 0, 0, 0])
            case 0x2C, 2:  # DCMI: Get Power Reading
                power = struct.pack("<HHHHII", 412, 400, 430, 410, 0, 1000)
                session.send_ipmi_response(data=[0xDC, *power, 0x40])
            case _:
                super().handle_raw_request(request, session)


STATE.joinpath("boot").write_text("default")
if not STATE.joinpath("power").exists():
    STATE.joinpath("power").write_text("on")
STATE.joinpath("orders").touch()
Bmc({"admin": "secret"}, port=PORT, address="127.0.0.1").listen()
