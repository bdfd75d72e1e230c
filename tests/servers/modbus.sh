#!/usr/bin/env bash
# usage: modbus.sh STATE PORT socket|rtu DEVICE
# pymodbus' simulator on 127.0.0.1:PORT (TCP), in the foreground, as a device that answers every
# unit. DEVICE is a file with its registers, as JSON: what pymodbus calls a device, without "setup".
# The frames are those of Modbus/TCP (socket), or those of a serial line (rtu).
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 4 ] || die "usage: modbus.sh STATE PORT socket|rtu DEVICE"
need modbus "$TOOLS/modbus/bin/pymodbus.simulator" ss
STATE=$(state_directory "$1")
PORT=$2
FRAMER=$3
DEVICE=$4
# Its page for people needs a port, too.
HTTP=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

/usr/bin/python3 - "$PORT" "$FRAMER" "$DEVICE" >"$STATE/setup.json" <<'SETUP'
import json, sys
port, framer, device = sys.argv[1:]
device = json.load(open(device))
kinds = ("bits", "uint16", "uint32", "float32", "float64", "string", "repeat", "invalid", "write")
for kind in kinds:
    device.setdefault(kind, [])
value = {"bits": 0, "uint16": 0, "uint32": 0, "float32": 0.0, "float64": 0.0, "string": " "}
size = 65536
device["setup"] = {
    "co size": size, "di size": size, "hr size": size, "ir size": size,
    "shared blocks": True, "type exception": False,
    "defaults": {"value": value, "action": dict.fromkeys(value)},
}
identity = {key: "test" for key in (
    "VendorName", "ProductCode", "VendorUrl", "ProductName", "ModelName", "MajorMinorRevision")}
server = {"comm": "tcp", "host": "127.0.0.1", "port": int(port), "framer": framer,
          "ignore_missing_devices": False, "identity": identity}
json.dump({"server_list": {"server": server}, "device_list": {"device": device}}, sys.stdout)
SETUP

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

cd "$STATE"
serve answers "tcp 127.0.0.1:$PORT" "$TOOLS/modbus/bin/python" \
    "$TOOLS/modbus/bin/pymodbus.simulator" --modbus_server server --modbus_device device \
    --http_host 127.0.0.1 --http_port "$HTTP" --json_file "$STATE/setup.json" \
    --log error --log_file "$STATE/server.log"
