#!/usr/bin/env bash
# usage: ipmi-sim.sh STATE PORT
# OpenIPMI's ipmi_sim (Debian's openipmi) on 127.0.0.1:PORT (UDP), in the foreground: a BMC with
# cipher suite 3, a few sensors, an event log and a chassis. User "admin", password "secret", may do
# everything; "viewer" (password "viewonly") may only look. Its GUID is that of the first machine of
# sushy.sh, as if both were ways in to one.
#
# STATE/power      the state of the power: 1 or 0
# STATE/orders     what the chassis was told, a line each
# STATE/NAME.raw   the raw reading of a sensor, read anew twice a second
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: ipmi-sim.sh STATE PORT"
need ipmi ipmi_sim ipmitool ss
STATE=$(state_directory "$1")
PORT=$2
mkdir -p "$STATE/sim/ipmi_sim/bmc"
[ -e "$STATE/power" ] || echo 1 >"$STATE/power"
: >"$STATE/orders"

cat >"$STATE/chassis" <<CHASSIS
#!/bin/sh
# Called as: chassis ADDRESS get NAME... or: chassis ADDRESS set NAME VALUE...
cd "$STATE" || exit 1
while [ \$# -gt 0 ] && [ "\$1" != get ] && [ "\$1" != set ] && [ "\$1" != check ]; do shift; done
verb=\$1
[ \$# -gt 0 ] && shift
case \$verb in
get) for name; do case \$name in
    power) echo "power:\$(cat power)" ;;
    boot) echo "boot:none" ;;
    *) exit 1 ;;
    esac; done ;;
set) while [ \$# -gt 0 ]; do
    echo "\$1 \$2" >>orders
    case \$1 in
    power) echo "\$2" >power ;;
    shutdown) echo 0 >power ;;
    esac
    shift; [ \$# -gt 0 ] && shift
done ;;
esac
exit 0
CHASSIS
chmod 755 "$STATE/chassis"

cat >"$STATE/lan.conf" <<LAN
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 $PORT
    priv_limit admin
    allowed_auths_callback md5
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid 10000000000040008000000000000001
  endlan
  chassis_control "$STATE/chassis"
  user 1 false "" "x" user 10 md5
  user 2 true "admin" "secret" admin 10 md5
  user 3 true "viewer" "viewonly" user 10 md5
LAN

/usr/bin/python3 - "$STATE" >"$STATE/sim.emu" <<'SIM'
import sys
state = sys.argv[1]
# Name, number, type, unit, M, exponent of the result, raw reading, upper critical limit, entity.
SENSORS = [
    ("Inlet Temp", 1, 0x01, 1, 1, 0, 24, 42, 0x37),
    ("CPU1 Temp", 2, 0x01, 1, 1, 0, 52, 92, 0x03),
    ("FAN1", 3, 0x04, 18, 60, 0, 100, 0, 0x1d),
    ("12V", 4, 0x02, 4, 6, -2, 201, 225, 0x07),
    ("PSU1 Input W", 5, 0x0b, 6, 4, 0, 61, 220, 0x0a),
    ("PSU1 Current", 6, 0x03, 5, 1, -1, 12, 90, 0x0a),
]
print("mc_setbmc 0x20")
print("mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02")
print("sel_enable 0x20 1000 0x0a")
for name, number, kind, unit, m, exponent, raw, critical, entity in SENSORS:
    file = f"{state}/{name.replace(' ', '_')}.raw"
    open(file, "w").write(f"{raw}\n")
    print(f'sensor_add 0x20 0 {number} {kind:#x} 0x01 poll 500 file "{file}"')
    print(f"sensor_set_value 0x20 0 {number} {raw} 0")
    enabled = "010000" if critical else "000000"
    print(f"sensor_set_threshold 0x20 0 {number} settable {enabled} 0 {critical} 0 0 0 0")
    events = "000001100000000" if critical else "0" * 15
    print(f"sensor_set_event_support 0x20 0 {number} enable scanning per-state"
          + f" {events} {events} {events} {events}")
    mask = [0x00, 0x03] if critical else [0, 0]
    body = [0x20, 0, number, entity, 1, 0x7F, 0x68, kind, 1, *mask, *mask]
    body += [0x10 if critical else 0] * 2
    body += [0, unit, 0, 0, m & 255, (m >> 8 & 3) << 6, 0, 0, 0, (exponent & 15) << 4, 0]
    body += [0, 0, 0, 255, 0, 0, critical, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    body += [0xC0 | len(name), *name.encode()]
    record = [0, 0, 0x51, 1, len(body), *body]
    print("main_sdr_add 0x20 " + " ".join(f"{byte:#04x}" for byte in record))
print("mc_enable 0x20")
SIM

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT"
}

cd "$STATE"
serve answers "udp 127.0.0.1:$PORT" ipmi_sim -c "$STATE/lan.conf" -f "$STATE/sim.emu" \
    -s "$STATE/sim" -n
