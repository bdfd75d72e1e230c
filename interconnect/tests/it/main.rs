//! The inter connect against real clients: Debian's `mosquitto_sub` and `mosquitto_pub`.

mod broker;
mod mosquitto;
