"""Checks: every one the doctor knows. To add one: write its module, and a line in CHECKS."""

from sipagent.doctor.check import Check

from . import (
    access,
    addresses,
    calling,
    certificates,
    clock,
    codecs,
    disk,
    files,
    limits,
    media_ports,
    names,
    outside,
    packages,
    ports,
    providers,
    selftest,
    trunks,
    uploads,
)

#: in the order they are listed; all are run at once
CHECKS: tuple[Check, ...] = (
    files.CHECK,
    packages.CHECK,
    ports.CHECK,
    media_ports.CHECK,
    disk.CHECK,
    limits.CHECK,
    access.CHECK,
    certificates.CHECK,
    clock.CHECK,
    names.CHECK,
    addresses.CHECK,
    trunks.OPTIONS,
    trunks.REGISTRATION,
    codecs.CHECK,
    providers.CHECK,
    outside.CHECK,
    uploads.CHECK,
    selftest.CHECK,
    calling.CHECK,
)
