import os

bind = ["0.0.0.0:8000"]
# Where nginx is to find this server among others, by a socket in a folder that it shares with them.
if folder := os.environ.get("DJANGO_SOCKET_FOLDER"):
    bind.append(f"unix:{folder}/{os.environ['SERVICE_INSTANCE']}.sock")

worker_tmp_dir = "/dev/shm"
accesslog = "-"
