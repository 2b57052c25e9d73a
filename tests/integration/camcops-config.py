"""Prints what the real CamCOPS makes of its configuration, as JSON. Runs in a container of CamCOPS."""

import json

from camcops_server.cc_modules.cc_config import get_default_config_from_os_env

config = get_default_config_from_os_env()
values = {name: value for name, value in vars(config).items() if not name.startswith("_")}
values["recipients"] = [vars(recipient) for recipient in config.get_all_export_recipient_info()]
values["crontab_entries"] = [
    {name: getattr(entry, name) for name in ("minute", "hour", "day_of_month", "content")}
    for entry in config.crontab_entries
]
print(json.dumps(values, default=str))
