//! The program as its users have it: started as a process, talked to by its own commands.

#![cfg(test)]

mod apart;
mod command_line;
mod control;
mod demo;
mod device;
mod drill;
mod hosts;
mod images;
mod orders;
mod program;
mod rollouts;
mod stall;
mod start;
mod upgrade;
mod workers;
