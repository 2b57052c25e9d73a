"""
Lets all connections that nginx makes from now on come to this container's server; those that have begun stay where they are.

With an argument, asks that page first, and takes over only where nobody is `current`: the folder is in memory, and empty
after a restart of the machine.
"""

import os
import socket
import sys
import urllib.request

folder, instance = os.environ["DJANGO_SOCKET_FOLDER"], os.environ["SERVICE_INSTANCE"]
os.chdir(folder)
if len(sys.argv) > 1:
    urllib.request.urlopen(sys.argv[1], timeout=4)
    if os.path.lexists("current"):
        sys.exit()
try:
    socket.socket(socket.AF_UNIX).connect(f"{instance}.sock")
except OSError as error:
    sys.exit(
        f"The application does not listen on the socket {folder}/{instance}.sock ({error}), as it has to with withoutDowntime: "
        "its server has to bind $DJANGO_SOCKET_FOLDER/$SERVICE_INSTANCE.sock where the first of these variables is set."
    )
link = f"{instance}.link"
if os.path.lexists(link):
    os.remove(link)
os.symlink(f"{instance}.sock", link)
os.replace(link, "current")
