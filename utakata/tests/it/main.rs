//! The program as its users have it: started as a process, talked to by its own commands.

#![cfg(test)]

mod command_line;
mod demo;
mod device;
mod program;
mod start;
mod workers;
