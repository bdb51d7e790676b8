//! `libdyad_preload.so`: loaded by LD_PRELOAD, it lets a program take part in DYAD through its own
//! calls. Before an open for reading it asks the agent for the file; after the last close of what
//! was written it has the file published. Without a managed directory in the environment each
//! function passes its call on and does nothing else.
//!
//! The functions of C with a variable number of arguments (`open`, `fcntl`, `syscall`) take fixed
//! ones here. That is right for the ABIs of x86-64 and aarch64 Linux, which hand both over in the
//! same registers.
#![no_std]

mod adopt;
mod agent;
mod aliases;
mod aside;
mod attributes;
mod bypass;
mod change;
mod children;
mod close;
mod consume;
mod descriptors;
mod dup;
mod elf;
mod elsewhere;
mod errno;
mod errno_name;
mod exec;
mod exec_list;
mod exit;
mod links;
mod listing;
mod locks;
mod mmap;
mod open;
mod outside;
mod own;
mod panic;
mod program;
mod publish;
mod reach;
mod real;
mod real_path;
mod received;
mod rename;
mod say;
mod spawn;
mod start;
mod stat;
mod stdio;
mod symlink;
mod system_call;
mod temporary;
mod truncate;
mod unlink;
mod variables;
mod working_directory;
mod write;
