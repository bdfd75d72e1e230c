//! The program as its users know it: started as a process, controlled by its own commands.

#![cfg(test)]

mod apart;
mod bmcs;
mod borrowing;
mod clocks;
mod command_line;
mod control;
mod demo;
mod device;
mod drill;
mod hands;
mod hosts;
mod images;
mod interrupted;
mod last;
mod login;
mod mistakes;
mod notifications;
mod orders;
mod pods;
mod policies;
mod probes;
mod profiles;
mod program;
mod prometheus;
mod raw;
mod rollouts;
mod rotation;
mod scripts;
mod secrets;
mod site;
mod stall;
mod start;
mod strangers;
mod tls;
mod upgrade;
mod vault;
mod web;
mod which_server;
mod window;
mod workers;
mod zones;
