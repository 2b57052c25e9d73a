"""
Creates a superuser, or sets a user's password.

Usage: python -c SCRIPT ensure|create|password PASSWORD_FILE USERNAME

The password is the file's content without a final line break. Where a user of that name exists, nothing is created or
changed: `ensure` is content with that, `create` fails. Which application it is, DJANGO_SETTINGS_MODULE says.
"""

import sys
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

action, password_file, username = sys.argv[1:]
django.setup()
User = get_user_model()
name = {User.USERNAME_FIELD: username}
user = User.objects.filter(**name).first()


def valid_password() -> str:
    password = Path(password_file).read_text(encoding="utf-8").removesuffix("\n")
    try:
        validate_password(password, user or User(**name))
    except ValidationError as error:
        sys.exit(f"The application does not accept this password: {' '.join(error.messages)}")
    return password


if action == "password":
    if user is None:
        sys.exit(f"There is no user {username!r}.")
    user.set_password(valid_password())
    user.save()
    print(f"The user {username!r} has the new password.")
elif user is None:
    User.objects.create_superuser(**name, password=valid_password())
    print(f"Created the superuser {username!r}.")
elif action == "ensure":
    print(f"The user {username!r} exists already: nothing to do.")
else:
    sys.exit(f"The user {username!r} exists already.")
