"""What the programs understand, by their own `--help`."""

import functools
import os
import pathlib
import re
import subprocess

PROGRAMS = {"whatsapp-otp": os.environ["WHATSAPP_OTP"], "whatsapp-otp-setup": os.environ["WHATSAPP_OTP"] + "-setup"}


@functools.cache
def help_of(program, *commands):
    """Returns the help of a program or of one of its commands."""
    shown = subprocess.run([PROGRAMS[program], *commands, "--help"], capture_output=True, text=True, timeout=10)
    assert shown.returncode == 0, f"{program} {' '.join(commands)}: {shown.stderr}"
    return shown.stdout


def subcommands(program, *commands):
    listed = re.search(r"(?ms)^Commands:\n(.*?)(?:\n\n|\Z)", help_of(program, *commands))
    return set(re.findall(r"(?m)^  ([\w-]+)", listed.group(1))) if listed else set()


def flags(program, *commands):
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", help_of(program, *commands), re.IGNORECASE))


def fault_in(program, words):
    """Returns what is wrong with the arguments of a program, or nothing."""
    commands = []
    words = iter(words)
    for word in words:
        known, called = subcommands(program, *commands), " ".join([program, *commands])
        if word.startswith("-"):
            flag = word.split("=")[0]
            if flag not in flags(program, *commands):
                return f"{called} has no {flag}"
            if "=" not in word and re.search(rf"{flag} <", help_of(program, *commands)):
                next(words, None)
        elif word in known:
            commands.append(word)
        elif known and re.fullmatch("[a-z][a-z-]*", word) and word not in PROGRAMS:
            return f"{called} has no command {word}"
    return None
