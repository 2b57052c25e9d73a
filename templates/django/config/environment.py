"""What the settings are made from: environment variables, and files for what is secret."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def required(name: str) -> str:
    """The variable's value; without it, nothing starts."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"The environment variable {name} is not set.")
    return value


def flag(name: str) -> bool:
    """Whether the variable says true; without it, false."""
    value = os.environ.get(name, "false")
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f'{name} is "{value}". Allowed: true, false.')
    return value == "true"


def words(name: str) -> list[str]:
    """The variable's parts between commas; without it, none."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def secret(name: str) -> str:
    """The content, without a final line break, of the file whose path stands in the variable NAME_FILE."""
    return Path(required(f"{name}_FILE")).read_text(encoding="utf-8").removesuffix("\n")
