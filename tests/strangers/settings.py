"""The settings of the sandboxes."""

import hashlib


def settings_of(keys):
    """Returns the settings that accept these API keys, and no limits that tests would reach."""
    settings = {f"limits.{name}": "off" for name in ("per_ip", "checks_per_ip", "per_phone", "failures_per_phone")}
    for kind, key in keys.items():
        settings[f"keys.{kind}.kind"] = kind
        settings[f"keys.{kind}.sha256"] = hashlib.sha256(key.encode()).hexdigest()
    return settings
