"""
Creates a superuser, unless a user of that name exists: then nothing is changed, neither rights nor password.

Usage: python -c SCRIPT USERNAME PASSWORD_FILE

The password is the file's content without a final line break. Which application it is, DJANGO_SETTINGS_MODULE says.
"""

import sys
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

username, password_file = sys.argv[1:]
django.setup()
User = get_user_model()
name = {User.USERNAME_FIELD: username}

if User.objects.filter(**name).exists():
    print(f"The user {username!r} exists already: nothing to do.")
else:
    password = Path(password_file).read_text(encoding="utf-8").removesuffix("\n")
    try:
        validate_password(password, User(**name))
    except ValidationError as error:
        sys.exit(f"The application does not accept this password: {' '.join(error.messages)}")
    User.objects.create_superuser(**name, password=password)
    print(f"Created the superuser {username!r}.")
