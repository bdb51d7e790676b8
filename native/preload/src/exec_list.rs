//! execl, execlp and execle: their arguments are as many as the program likes. They lie one after
//! the other once those of the registers are pushed in front of those on the stack, which makes
//! them the array that the other forms take.

use crate::exec::{execv, execve, execvp};
use crate::real::Strings;
use core::arch::naked_asm;
use core::ffi::{c_char, c_int};

macro_rules! lists {
    ($($name:ident with $array:ident;)*) => {
        $(
            #[cfg(target_arch = "x86_64")]
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name() -> c_int {
                naked_asm!(
                    // The return address makes room for the registers, and stays below them.
                    "pop rax",
                    "push r9",
                    "push r8",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "mov rsi, rsp",
                    "push rax",
                    "call {array}",
                    "pop rcx",
                    "add rsp, 40",
                    "push rcx",
                    "ret",
                    array = sym $array,
                )
            }

            #[cfg(target_arch = "aarch64")]
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name() -> c_int {
                naked_asm!(
                    "sub sp, sp, #64",
                    "str x30, [sp]",
                    "stp x1, x2, [sp, #8]",
                    "stp x3, x4, [sp, #24]",
                    "stp x5, x6, [sp, #40]",
                    "str x7, [sp, #56]",
                    "add x1, sp, #8",
                    "bl {array}",
                    "ldr x30, [sp]",
                    "add sp, sp, #64",
                    "ret",
                    array = sym $array,
                )
            }
        )*
    };
}

lists! {
    execl with execv;
    execlp with execvp;
    execle with execle_array;
}

/// The environment follows the null behind the arguments.
unsafe extern "C" fn execle_array(path: *const c_char, arguments: Strings) -> c_int {
    let mut end = arguments;
    // SAFETY: the program gives a null behind its arguments, and an environment behind that.
    unsafe {
        while !(*end).is_null() {
            end = end.add(1);
        }
        execve(path, arguments, *end.add(1) as Strings)
    }
}
